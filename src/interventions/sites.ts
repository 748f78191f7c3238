/** Interventions on the values of sites. */
import { UsageError } from '../base/errors.ts';
import type { Edit, EditKind, Source } from './edit.ts';
import { expertsOf } from './experts.ts';
import type { SiteIntervention, Strength, Vector } from './intervention.ts';
import type { Changes } from './interventions.ts';
import { matching } from './names.ts';
import { hasRows, type InterventionTarget, isPattern, rowOf, type TargetSite } from './target.ts';
import { direction, mask, numbersOf, spread, type VectorStore, widthOf } from './vectors.ts';

/** The pattern of each attention: what senses are weighed by is one too. */
export function siteChanges(
  one: SiteIntervention,
  source: Source,
  vectors: VectorStore,
  target: InterventionTarget,
): Changes {
  const names = matching(one.site, [...target.sites.keys()], 'site', source.name);
  const sites = names.map((name) => target.sites.get(name) as TargetSite);
  const rows = sites.filter((site) => hasRows(site) && !site.integer);
  const whole = sites.filter((site) => !rows.includes(site));
  return {
    edits: rows.map((site) => siteEdit(one, site, source, vectors)),
    replacements: whole.map((site) => replacement(one, site, source, vectors, target)),
  };
}

function actionOf(one: SiteIntervention): {
  readonly kind: EditKind;
  readonly vector: Vector | undefined;
  readonly by: Strength;
} {
  if ('add' in one) return { kind: 'add', vector: one.add, by: one.by ?? 1 };
  if ('set' in one) return { kind: 'set', vector: one.set, by: one.by ?? 1 };
  if ('project' in one) return { kind: 'project', vector: one.project, by: one.by ?? 1 };
  return { kind: 'scale', vector: undefined, by: one.scale };
}

export function siteEdit(one: SiteIntervention, site: TargetSite, source: Source, vectors: VectorStore): Edit {
  const { name } = source;
  const row = rowOf(site);
  const { heads, channels } = one;
  const { kind, vector, by } = actionOf(one);
  const on = mask(row, { heads, channels, name, site: site.name });
  const width = widthOf(row);
  const edit = { source, site: site.name, kind, width, channels: on, by, neutral: kind === 'scale' ? 1 : 0 } as const;
  if (!vector) return { ...edit, group: width, vector: undefined, rows: 1 };
  const numbers = numbersOf(vector, vectors, site.name, name);
  const positions = kind === 'set' ? positionsOf(one) : undefined;
  const { data, rows, perHead } = spread(numbers, row, { channels, positions, name, site: site.name });
  const group = perHead ? row.columns : width;
  return { ...edit, group, rows, vector: kind === 'project' ? direction(data, on, group, name) : data };
}

/** How many positions are meant, where that is known without the prompt. */
function positionsOf({ positions }: SiteIntervention): number | undefined {
  if (!positions) return undefined;
  if ('length' in positions) return positions.length;
  const { from = 0, to } = positions;
  return to === undefined || from < 0 !== to < 0 ? undefined : to - from;
}

/** Sites that have no row for each token, and integers: all numbers of a pass can be set, and nothing else. */
function replacement(
  one: SiteIntervention,
  site: TargetSite,
  source: Source,
  vectors: VectorStore,
  target: InterventionTarget,
) {
  const { name } = source;
  if (!('set' in one) || (one.by ?? 1) !== 1 || one.heads || one.channels || one.tokens) {
    const instead = isPattern(site)
      ? "To silence a head, scale its 'z' by 0."
      : site.integer
        ? 'Change the values that they come from.'
        : 'Change it as { "state": name, "at": position, … }.';
    throw new UsageError(
      `${name}: '${site.name}' ${site.axes}${site.integer ? ' has whole numbers and' : ''} can only be set, all of its numbers of one step at once. ${instead}`,
    );
  }
  const { data } = numbersOf(one.set, vectors, site.name, name);
  if (site.integer) checkIntegers(data, expertsOf(site.name, target), `${name}: '${site.name}'`);
  return { source, site: site.name, data };
}

/** `count`: they are indices of so many. */
function checkIntegers(data: Float32Array, count: number | undefined, name: string): void {
  const wrong = data.find((x) => !Number.isInteger(x) || (count !== undefined && (x < 0 || x >= count)));
  if (wrong === undefined) return;
  const range = count === undefined ? '' : ` from 0 to ${count - 1}`;
  throw new UsageError(`${name} came with ${wrong}, wanted whole numbers${range}.`);
}
