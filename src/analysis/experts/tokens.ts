/** Which tokens go to which experts. */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, oneOf, option } from '../../options/option.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { mixturesOf, ROUTING_OPTIONS, routedTokens } from './routing.ts';

const ORDERS = ['count', 'gate', 'lift'] as const;

export const EXPERT_TOKENS_OPTIONS = {
  ...ROUTING_OPTIONS,
  top: option(kinds.fromOne, 'how many tokens of each expert', 8),
  /** `count`: the most frequent; `gate`: those with the largest mean gate; `lift`: those that go there more often than others do. */
  by: option(oneOf<(typeof ORDERS)[number]>(ORDERS), 'order of the tokens of an expert', 'lift'),
  least: option(kinds.fromOne, 'pass over tokens that went to an expert less often', 2),
};

export interface ExpertTokensOptions extends OptionsOf<typeof EXPERT_TOKENS_OPTIONS> {}

export interface ExpertToken {
  readonly id: number;
  /** Empty without a tokenizer. */
  readonly text: string;
  /** How often it went to this expert, and how often it stands in the text. */
  readonly count: number;
  readonly occurrences: number;
  /** Mean gate of this expert where it was chosen for this token. */
  readonly gate: number;
  /** Share of its occurrences that went to this expert, over the share of all tokens that did. */
  readonly lift: number;
}

export interface ExpertTokens {
  readonly tokens: number;
  readonly experts: number;
  readonly layers: readonly {
    readonly layer: number;
    readonly experts: readonly {
      readonly expert: number;
      /** Share of all tokens that went to it. */
      readonly share: number;
      readonly tokens: readonly ExpertToken[];
    }[];
  }[];
}

interface Sum {
  count: number;
  gate: number;
}

/** For each expert its tokens. Memory grows with the number of different tokens, not with the text. */
export async function expertTokens(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ExpertTokensOptions = {},
): Promise<ExpertTokens> {
  const { top, by, least, ...routing } = checkOptions('expertTokens', options, EXPERT_TOKENS_OPTIONS);
  const mixtures = mixturesOf(subject, routing.layers);
  const { layers, experts } = mixtures;
  const sums = layers.map(() => Array.from({ length: experts }, () => new Map<number, Sum>()));
  const occurrences = new Map<number, number>();
  let tokens = 0;
  for await (const { id, choices } of routedTokens(subject, prompt, mixtures, routing)) {
    tokens++;
    occurrences.set(id, (occurrences.get(id) ?? 0) + 1);
    for (const { index, experts: chosen, gates } of choices) {
      chosen.forEach((expert, slot) => {
        const ofExpert = sums[index]?.[expert] as Map<number, Sum>;
        const sum = ofExpert.get(id) ?? { count: 0, gate: 0 };
        ofExpert.set(id, { count: sum.count + 1, gate: sum.gate + (gates[slot] as number) });
      });
    }
  }
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  const listOf = (ofExpert: ReadonlyMap<number, Sum>, share: number): ExpertToken[] =>
    [...ofExpert]
      .filter(([, { count }]) => count >= least)
      .map(([id, { count, gate }]) => {
        const all = occurrences.get(id) as number;
        const text = subject.tokenizer?.piece(id) ?? '';
        return { id, text, count, occurrences: all, gate: gate / count, lift: count / all / share };
      })
      .sort((a, b) => b[by] - a[by] || b.count - a.count || a.id - b.id)
      .slice(0, top);
  return {
    tokens,
    experts,
    layers: layers.map((layer, index) => ({
      layer,
      experts: (sums[index] as Map<number, Sum>[]).map((ofExpert, expert) => {
        const share = [...ofExpert.values()].reduce((sum, { count }) => sum + count, 0) / tokens;
        return { expert, share, tokens: listOf(ofExpert, share) };
      }),
    })),
  };
}

export interface TokenExperts {
  readonly experts: number;
  readonly layers: readonly number[];
  readonly tokens: readonly {
    readonly at: number;
    readonly id: number;
    readonly text: string;
    /** For each of `layers`, the chosen experts, best first, and their gates. */
    readonly chosen: readonly (readonly { readonly expert: number; readonly gate: number }[])[];
  }[];
}

/** For each token of a text its experts. */
export async function tokenExperts(
  subject: Subject,
  prompt: SubjectPrompt,
  options: OptionsOf<typeof ROUTING_OPTIONS> = {},
): Promise<TokenExperts> {
  const checked = checkOptions('tokenExperts', options, ROUTING_OPTIONS);
  const mixtures = mixturesOf(subject, checked.layers);
  const tokens: TokenExperts['tokens'][number][] = [];
  for await (const { id, at, choices } of routedTokens(subject, prompt, mixtures, checked)) {
    const chosen = choices.map(({ experts, gates }) =>
      Array.from(experts, (expert, slot) => ({ expert, gate: gates[slot] as number })),
    );
    tokens.push({ at, id, text: subject.tokenizer?.piece(id) ?? '', chosen });
  }
  return { ...mixtures, tokens };
}
