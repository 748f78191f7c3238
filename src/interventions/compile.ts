/**
 * Checks a list of interventions against a model, and compiles it to the form that the runtime applies. Does not need the model's weights.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { quote, UsageError } from '../base/errors.ts';
import type { Source } from './edit.ts';
import { expertEdits } from './experts.ts';
import type { Intervention, InterventionFile, InterventionSet, Where } from './intervention.ts';
import { type Changes, Interventions } from './interventions.ts';
import { matching } from './names.ts';
import { checkShape } from './schema.ts';
import { senseChanges } from './senses.ts';
import { siteChanges } from './sites.ts';
import { stateEdits } from './states.ts';
import { hasRows, type InterventionTarget, type TargetSite } from './target.ts';
import type { VectorStore } from './vectors.ts';
import { checkWhere } from './where.ts';

/** The option `interventions`: a list, a list with vectors, or a list that was checked before. */
export type InterventionsOption = readonly Intervention[] | InterventionSet | InterventionFile | Interventions;

const WANTED = 'wanted a list of interventions, or { "version": 1, "interventions": [ ... ] }';

/** The list and its vectors. Throws UsageError on anything else. */
export function listOf(option: unknown): { readonly list: readonly unknown[]; readonly vectors: VectorStore } {
  if (Array.isArray(option)) return { list: option, vectors: new Map() };
  if (typeof option !== 'object' || option === null)
    throw new UsageError(`interventions came as ${quote(option)}, ${WANTED}.`);
  const unknown = Object.keys(option).find((key) => !['version', 'vectors', 'interventions', '$schema'].includes(key));
  if (unknown !== undefined) throw new UsageError(`interventions have an unknown key ${quote(unknown)}: ${WANTED}.`);
  const { version = 1, vectors, interventions } = option as InterventionSet & InterventionFile;
  if ((version as unknown) !== 1)
    throw new UsageError(`interventions have version ${quote(version)}; this release understands version 1.`);
  if (!Array.isArray(interventions)) throw new UsageError(`interventions came as ${quote(interventions)}, ${WANTED}.`);
  if (typeof vectors === 'string')
    throw new UsageError(
      `the vectors ${quote(vectors)} are a file: read it and give a Map of names to { shape, dtype, data }.`,
    );
  if (vectors !== undefined && !((vectors as unknown) instanceof Map))
    throw new UsageError(
      `the vectors of interventions came as ${quote(vectors)}, wanted a Map of names to { shape, dtype, data }.`,
    );
  return { list: interventions, vectors: vectors ?? new Map() };
}

/** Throws UsageError when an intervention is not valid, or names what the model does not have. */
export function compile(option: InterventionsOption, target: InterventionTarget): Interventions {
  if (option instanceof Interventions) {
    if (option.target === target) return option;
    throw new UsageError(
      'these interventions were checked against another model; give the list itself, or check it against this one.',
    );
  }
  const { list, vectors } = listOf(option);
  const changes = list.map((one, i) => changesOf(one, `intervention ${i + 1}`, vectors, target));
  return new Interventions(changes, target);
}

/** Replaces whole values in a step that begins at position `from`, as `replace` of capture does. */
export function replacing(
  values: Readonly<Record<string, ArrayLike<number>>>,
  { from, count }: { readonly from: number; readonly count: number },
  target: InterventionTarget,
): Interventions {
  const changes = Object.entries(values).map(([site, numbers]) => {
    matching(site, [...target.sites.keys()], 'site', 'replace');
    const rows = hasRows(target.sites.get(site) as TargetSite) ? { positions: { from, to: from + count } } : {};
    const set = { site, set: Float32Array.from(numbers), ...rows };
    return changesOf(set, `the replacement of '${site}'`, new Map(), target);
  });
  return new Interventions(changes, target);
}

function changesOf(value: unknown, name: string, vectors: VectorStore, target: InterventionTarget): Changes {
  const one = checkShape(value, name);
  const where: Where = 'state' in one ? {} : one;
  checkWhere(where, name);
  const { tokens } = where;
  const beyond = tokens?.find((id) => id >= target.facts.vocabSize);
  if (beyond !== undefined)
    throw new UsageError(
      `${name}: token ${beyond} does not exist: this model has ids 0 to ${target.facts.vocabSize - 1}.`,
    );
  const varies = Object.values(one).some((part: unknown) => typeof part === 'function');
  const source: Source = { name, where, key: keyOf(one, vectors), varies, tokens: tokens && new Set(tokens) };
  if ('site' in one) return siteChanges(one, source, vectors, target);
  if ('senses' in one) return senseChanges(one, source, vectors, target);
  if ('experts' in one) return { edits: expertEdits(one, source, target) };
  return { states: stateEdits(one, source, vectors, target) };
}

/** A digest of an intervention and of the numbers of its vectors. */
function keyOf(one: Intervention, vectors: VectorStore): string {
  const hash = sha256.create();
  const text = JSON.stringify(one, (_, value: unknown) => {
    if (typeof value === 'function') return 'function';
    return value instanceof Float32Array ? [...value] : value;
  });
  hash.update(new TextEncoder().encode(text));
  const named = Object.values(one).flatMap((value: unknown) =>
    typeof value === 'object' && value !== null && 'vector' in value ? [String(value.vector)] : [],
  );
  for (const name of named)
    for (const [key, { data, dtype }] of vectors) {
      if (!name.includes('{site}') && key !== name) continue;
      hash.update(new TextEncoder().encode(`${key} ${dtype} `));
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  return bytesToHex(hash.digest()).slice(0, 32);
}
