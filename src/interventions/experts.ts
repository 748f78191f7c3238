/** Interventions on the choice of experts: changes of the router's scores. */
import { UsageError } from '../base/errors.ts';
import type { Edit, Source } from './edit.ts';
import type { ExpertIntervention } from './intervention.ts';
import type { InterventionTarget, TargetSite } from './target.ts';

/** Scores of all experts, [T, X], from which weights are made; and the scores by which experts are chosen. */
const SCORES = /^blocks\.(\d+)\.routerLogits$/;
const choiceOf = (scores: string) => scores.replace('routerLogits', 'routerChoice');

/** How many experts there are, if this is the site of those that were chosen. */
export const expertsOf = (site: string, { sites }: InterventionTarget): number | undefined =>
  site.endsWith('expertIds') ? sites.get(site.replace('expertIds', 'routerLogits'))?.shape[1] : undefined;

/** Above any score. */
const CHOSEN = 1e30;

export function expertEdits(one: ExpertIntervention, source: Source, target: InterventionTarget): Edit[] {
  const { name } = source;
  const layers = [...target.sites.values()].flatMap((site) => {
    const [, layer] = SCORES.exec(site.name) ?? [];
    return layer === undefined ? [] : [{ layer: Number(layer), site }];
  });
  if (layers.length === 0)
    throw new UsageError(`${name} changes experts, and this model has none (no site 'blocks.*.routerLogits').`);
  const without = one.layers?.find((wanted) => !layers.some(({ layer }) => layer === wanted));
  if (without !== undefined)
    throw new UsageError(
      `${name}: layer ${without} has no experts; those that have some are ${layers[0]?.layer} to ${layers.at(-1)?.layer}.`,
    );
  return layers
    .filter(({ layer }) => one.layers?.includes(layer) ?? true)
    .map(({ site }) => editOf(one, site, source, target));
}

function editOf(one: ExpertIntervention, site: TargetSite, source: Source, target: InterventionTarget): Edit {
  const { name } = source;
  const width = site.shape[1] as number;
  const beyond = one.experts.find((expert) => expert >= width);
  if (beyond !== undefined)
    throw new UsageError(`${name}: there is no expert ${beyond}: each layer has ${width}, from 0 to ${width - 1}.`);
  const chosen = new Set(one.experts);
  const active = target.sites.get(site.name.replace('routerLogits', 'expertIds'))?.shape[1] ?? 1;
  if ('disable' in one && width - chosen.size < active)
    throw new UsageError(
      `${name} disables ${chosen.size} of ${width} experts, and each token needs ${active}: disable at most ${width - active}.`,
    );
  if ('force' in one && chosen.size > active)
    throw new UsageError(`${name} forces ${chosen.size} experts, and each token has ${active}: force at most these.`);
  const channels = Float32Array.from({ length: width }, (_, expert) => Number(chosen.has(expert)));
  const rest = { source, width, group: width, channels, rows: 1, neutral: 0 } as const;
  if ('bias' in one)
    return { ...rest, site: site.name, kind: 'add', vector: new Float32Array(width).fill(1), by: one.bias };
  const to = 'disable' in one ? Number.NEGATIVE_INFINITY : CHOSEN;
  const at = 'disable' in one ? site.name : choiceOf(site.name);
  return { ...rest, site: at, kind: 'set', vector: new Float32Array(width).fill(to), by: 1 };
}
