/** Interventions on the sense vectors of words, and on the weights of senses. */
import { UsageError } from '../base/errors.ts';
import type { Source } from './edit.ts';
import type { SenseIntervention, SiteIntervention } from './intervention.ts';
import type { Changes } from './interventions.ts';
import { siteEdit } from './sites.ts';
import type { InterventionTarget } from './target.ts';
import type { VectorStore } from './vectors.ts';

/** The sense vectors of each token, [T, Z, M], and their weights, [Z, T, S]. */
const SENSES = 'senses';
const WEIGHTS = 'senseWeights';

export function senseChanges(
  one: SenseIntervention,
  given: Source,
  vectors: VectorStore,
  target: InterventionTarget,
): Changes {
  const { name } = given;
  const site = target.sites.get(SENSES);
  if (!site) throw new UsageError(`${name} changes senses, and this model has none (no site '${SENSES}').`);
  const { token, sense } = one.senses;
  const count = site.shape[1] as number;
  if (sense !== undefined && sense >= count)
    throw new UsageError(`${name}: there is no sense ${sense}: this model has ${count}, from 0 to ${count - 1}.`);
  const { vocabSize } = target.facts;
  if (token !== undefined && token >= vocabSize)
    throw new UsageError(`${name}: token ${token} does not exist: this model has ids 0 to ${vocabSize - 1}.`);
  const source: Source = { ...given, tokens: token === undefined ? undefined : new Set([token]) };
  if ('scale' in one) return { gains: [{ source, site: WEIGHTS, heads: count, head: sense, by: one.scale }] };
  if (one.from !== undefined || one.to !== undefined)
    throw new UsageError(
      `${name} changes sense vectors, which are kept of every word from its first occurrence on: leave 'from' and 'to' out, or use 'scale'.`,
    );
  const { senses: _, ...rest } = one;
  const change = { ...rest, site: SENSES, ...(sense === undefined ? {} : { heads: [sense] }) } as SiteIntervention;
  return { edits: [siteEdit(change, site, source, vectors)] };
}
