/** How far two texts, or two models on one text, use the same experts. */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import type { OptionsOf } from '../../options/option.ts';
import { divergenceBits, overlap } from '../entropy.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import type { ExpertLoad } from './load.ts';
import { mixturesOf, ROUTING_OPTIONS, routedTokens } from './routing.ts';

export interface LoadAgreement {
  readonly layer: number;
  /** Part of the load that both have in common, from 0 to 1: sum over experts of the smaller share. */
  readonly overlap: number;
  /** Jensen-Shannon divergence of the loads, in bits from 0 (equal) to 1. */
  readonly divergence: number;
  /** For each expert, its share of the load of the second less that of the first; loads as distributions that sum to 1. */
  readonly change: readonly number[];
}

/** Of the loads of two texts. Throws UsageError when they are of mixtures of other sizes. */
export function compareLoads(a: ExpertLoad, b: ExpertLoad): LoadAgreement[] {
  if (a.experts !== b.experts || a.layers.length !== b.layers.length)
    throw new UsageError(
      `loads of ${a.layers.length} layers of ${a.experts} experts and of ${b.layers.length} of ${b.experts} cannot be compared.`,
    );
  return a.layers.map(({ layer, counts }, i) => {
    const other = b.layers[i]?.counts ?? [];
    const share = (one: number, load: ExpertLoad) => one / (load.tokens * load.active);
    const change = counts.map((count, expert) => share(other[expert] as number, b) - share(count, a));
    return { layer, overlap: overlap(counts, other), divergence: divergenceBits(counts, other), change };
  });
}

export interface RoutingAgreement {
  readonly tokens: number;
  readonly layers: readonly {
    readonly layer: number;
    /** Mean share of a token's experts that both chose, in any order. */
    readonly same: number;
    /** Share of tokens whose best expert is the same. */
    readonly sameBest: number;
    /** Share of tokens for which all experts are the same. */
    readonly sameAll: number;
    /** Mean over tokens of sum over experts of |gate of one - gate of the other| / 2, from 0 to 1. */
    readonly gateDistance: number;
  }[];
}

/** Two models with the same vocabulary and mixtures of one size read one text, such as a model in two formats of weights. */
export async function routingAgreement(
  one: Subject,
  other: Subject,
  prompt: SubjectPrompt,
  options: OptionsOf<typeof ROUTING_OPTIONS> = {},
): Promise<RoutingAgreement> {
  const checked = checkOptions('routingAgreement', options, ROUTING_OPTIONS);
  const [a, b] = [mixturesOf(one, checked.layers), mixturesOf(other, checked.layers)];
  if (a.experts !== b.experts || a.layers.join() !== b.layers.join())
    throw new UsageError(
      `the models have ${a.layers.length} layers of ${a.experts} experts and ${b.layers.length} of ${b.experts}: wanted equal ones.`,
    );
  const ids = one.encode(prompt);
  const second = routedTokens(other, ids, b, { ...checked, onProgress: undefined })[Symbol.asyncIterator]();
  const sums = a.layers.map(() => ({ same: 0, sameBest: 0, sameAll: 0, gateDistance: 0 }));
  let tokens = 0;
  try {
    for await (const { choices } of routedTokens(one, ids, a, checked)) {
      const { value } = await second.next();
      if (!value) break;
      tokens++;
      for (const { index, experts, gates } of choices) {
        const theirs = value.choices[index];
        const sum = sums[index];
        if (!theirs || !sum) continue;
        const gateOf = new Map(Array.from(theirs.experts, (expert, slot) => [expert, theirs.gates[slot] as number]));
        const shared = experts.filter((expert) => gateOf.has(expert)).length;
        const common = experts.reduce(
          (total, expert, slot) => total + Math.min(gates[slot] as number, gateOf.get(expert) ?? 0),
          0,
        );
        sum.same += shared / experts.length;
        sum.sameBest += experts[0] === theirs.experts[0] ? 1 : 0;
        sum.sameAll += shared === experts.length ? 1 : 0;
        sum.gateDistance += Math.max(0, 1 - common);
      }
    }
  } finally {
    await second.return?.(undefined);
  }
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  const layers = a.layers.map((layer, i) => {
    const { same, sameBest, sameAll, gateDistance } = sums[i] as (typeof sums)[number];
    return {
      layer,
      same: same / tokens,
      sameBest: sameBest / tokens,
      sameAll: sameAll / tokens,
      gateDistance: gateDistance / tokens,
    };
  });
  return { tokens, layers };
}
