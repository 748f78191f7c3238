/** The probability of every token of a text. */
import { exp } from '../base/math.ts';
import { compile } from '../interventions/compile.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { call, kinds, type OptionsOf, option } from '../options/option.ts';
import type { Request } from '../runtime/engine.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { MAX_TOP, Summaries, type TokenLogprob } from '../runtime/summaries.ts';
import { logSumExp, topLogprobs } from '../sampler/sampler.ts';
import { anAdapter } from './adapter-option.ts';
import { type Alternative, withText } from './generation-options.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import type { ModelParts } from './model-parts.ts';
import type { Prompt } from './prompt.ts';
import { readThrough } from './read-through.ts';
import { WINDOW_OPTIONS, type WindowOptions, windowsOf } from './windows.ts';

export interface ScoredToken {
  readonly id: number;
  readonly text: string;
  /**
   * Natural logarithm of the probability given all tokens before it in its window. Null when there are none: for the first token, and for
   * the first of every window when windows do not overlap and the tokenizer adds nothing in front of a text.
   */
  readonly logprob: number | null;
  readonly alternatives?: readonly Alternative[];
}

export interface Score {
  readonly tokens: readonly ScoredToken[];
  readonly sumLogprob: number;
  /** exp(-mean logprob), over the tokens that have one; NaN when there are none. */
  readonly perplexity: number;
  /** Tokens of a window, tokens from the start of one window to the next, and number of windows. */
  readonly window: number;
  readonly stride: number;
  readonly windows: number;
}

export const SCORE_OPTIONS = {
  ...WINDOW_OPTIONS,
  alternatives: option(kinds.fromZero, 'also the k most likely tokens at each position', 0),
  /** Interventions on the model's values. Positions are those in the whole text, also when it is read in windows. */
  interventions: INTERVENTIONS,
  /** An adapter of this model, as `loadAdapter` gives. */
  adapter: anAdapter,
  signal: kinds.signal,
  /**
   * Called with the raw logits [n, V] of the positions first .. first + n: each position once, in order. They are the logits with which the
   * next token was scored.
   */
  onLogits: call<(first: number, logits: Float32Array) => void>(),
};

export interface ScoreOptions extends WindowOptions, OptionsOf<typeof SCORE_OPTIONS> {}

/** `read`: reads a window with a state of its own. */
export async function score(
  { opened, engine }: Pick<ModelParts, 'opened' | 'engine'>,
  prompt: Prompt,
  options: ScoreOptions,
  read = (request: Omit<Request, 'state'>): Promise<void> => readThrough(engine, request),
): Promise<Score> {
  const { tokenizer } = opened;
  const { alternatives, signal, onLogits, interventions, adapter } = checkOptions('score', options, SCORE_OPTIONS);
  const { windows, ...cut } = windowsOf(opened, prompt, options);
  const end = windows.at(-1);
  const changed = interventions && compile(interventions, targetOf(engine.model));
  const promptLength = end ? end.at - end.first + end.ids.length : 0;
  const { vocabSize } = engine.model.facts;
  const tokens: ScoredToken[] = [];
  const most = Math.min(alternatives, vocabSize);
  const add = (id: number, logprob: number | null, top: readonly TokenLogprob[]) => {
    const best = logprob !== null && alternatives > 0 ? { alternatives: withText(top, tokenizer) } : {};
    tokens.push({ id, text: tokenizer?.piece(id) ?? '', logprob, ...best });
  };
  for (const [i, { ids, first, at }] of windows.entries()) {
    if (first === 0 && ids.length > 0) add(ids[0] as number, null, []);
    const from = Math.max(0, first - 1); // the row whose logits predict the first new token
    const next = ids.slice(from + 1);
    const under = changed && sequenceOf(changed, { promptLength, offset: at - first });
    const predicting = next.map((_, i) => from + i);
    if (!onLogits && most <= MAX_TOP) {
      const summary = { top: most, targets: next };
      const visit = (begin: number, output: Float32Array) => {
        const some = new Summaries(output, summary);
        for (let i = 0; i < some.length; i++) add(next[begin + i] as number, some.target(i), some.top(i));
      };
      if (next.length === 0) continue;
      const predicted = ids.slice(0, -1); // nothing is wanted after the last
      await read({ ids: predicted, rows: predicting, summary, visit, signal, interventions: under, adapter });
      continue;
    }
    const overlaps = (windows[i + 1]?.first ?? 0) > 0; // then the next window has the logits after this one's last token
    const visit = (begin: number, logits: Float32Array) => {
      onLogits?.(at - first + from + begin, logits);
      for (let i = 0; i * vocabSize < logits.length; i++) {
        const id = next[begin + i];
        if (id === undefined) continue;
        const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
        add(id, (row[id] as number) - logSumExp(row), topLogprobs(row, most));
      }
    };
    const rows = overlaps || ids.length === 0 ? predicting : [...predicting, ids.length - 1];
    await read({ ids, rows, visit, signal, interventions: under, adapter });
  }
  const scored = tokens.flatMap(({ logprob }) => (logprob === null ? [] : [logprob]));
  const sumLogprob = scored.reduce((sum, logprob) => sum + logprob, 0);
  const perplexity = scored.length > 0 ? exp(-sumLogprob / scored.length) : Number.NaN;
  return { tokens, sumLogprob, perplexity, window: cut.window, stride: cut.stride, windows: windows.length };
}
