/**
 * Compares a model with a reference on the same text, usually itself with weights of another format. Both read some tokens in alternation,
 * so that the logits of the whole text are never in memory.
 */

import { INTERVENTIONS } from '../api/interventions-option.ts';
import { type Model, partsOf } from '../api/model.ts';
import type { Prompt } from '../api/prompt.ts';
import { WINDOW_OPTIONS, type WindowOptions, type Windows, windowsOf } from '../api/windows.ts';
import { UsageError } from '../base/errors.ts';
import { exp } from '../base/math.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkOptions } from '../options/check.ts';
import { call, kinds, type OptionsOf } from '../options/option.ts';
import type { Request } from '../runtime/engine.ts';
import { logSumExp } from '../sampler/sampler.ts';

const COMPARE_OPTIONS = {
  ...WINDOW_OPTIONS,
  /** Interventions on the model; the reference stays as it is. */
  interventions: INTERVENTIONS,
  signal: kinds.signal,
  /** Called after each step with the number of tokens read, and their total; its result is awaited. */
  onProgress: call<(tokens: number, total: number) => unknown>(),
};

/** The default of `window` is the model's context, but at most 1024. */
export interface CompareOptions extends WindowOptions, OptionsOf<typeof COMPARE_OPTIONS> {}

/** The result; divergences and log-probabilities are in nats. */
export interface Comparison {
  /** Number of predicted tokens. */
  readonly tokens: number;
  readonly window: number;
  readonly stride: number;
  readonly windows: number;
  readonly perplexity: number;
  readonly referencePerplexity: number;
  /** KL(reference || model) of the predictions, per token. */
  readonly klMean: number;
  /** 99th percentile of the divergence. */
  readonly kl99: number;
  readonly klMax: number;
  /** Share of tokens, from 0 to 1, for which both have the same most likely prediction. */
  readonly sameTop: number;
  /** Mean of |log p - log p of the reference| over the actual tokens. */
  readonly logprobDifference: number;
}

const DEFAULT_WINDOW = 1024;

/** Tokens that each model reads at a time: logits of [128, 128256] f32 are 66 MB. */
const STEP_TOKENS = 128;

/**
 * The windows that `compare` reads. Throws UsageError when there is nothing to predict, and as windowsOf does, also before the weights are
 * loaded.
 */
export function comparedWindows(opened: OpenedModel, prompt: Prompt, options: WindowOptions = {}): Windows {
  const { contextLength: most = DEFAULT_WINDOW } = opened.model.facts;
  const { window = Math.min(most, DEFAULT_WINDOW) } = options;
  const all = windowsOf(opened, prompt, { ...options, window });
  if (!all.windows.some(({ ids }) => ids.length > Math.max(1, all.front)))
    throw new UsageError('there is nothing to predict: give a text of two tokens at least.');
  return all;
}

/** Throws UsageError when the vocabularies differ, and as comparedWindows does. */
export async function compare(
  model: Model,
  reference: Model,
  prompt: Prompt,
  options: CompareOptions = {},
): Promise<Comparison> {
  const { signal, onProgress, interventions } = checkOptions('compare', options, COMPARE_OPTIONS);
  const { vocabSize } = model.facts;
  const { front, window, stride, windows } = comparedWindows(partsOf(model).opened, prompt, options);
  const other = reference.facts.vocabSize;
  if (other !== vocabSize)
    throw new UsageError(`models with vocabularies of ${vocabSize} and ${other} words cannot be compared.`);
  const total = windows.reduce((sum, { ids }) => sum + ids.length, 0);
  const end = windows.at(-1);
  const promptLength = end ? end.at - end.first + end.ids.length : 0;
  const changed = interventions && model.checkInterventions(interventions);
  const sums = new Sums();
  let done = 0;
  for (const { ids: text, first: unread, at } of windows) {
    const states = { model: model.newState(), reference: reference.newState() };
    const under = changed && sequenceOf(changed, { promptLength, offset: at - unread });
    const read = (one: Model, request: Omit<Request, 'rows'>) =>
      partsOf(one).engine.read([{ ...request, rows: 'all', signal }], { stepTokens: STEP_TOKENS });
    try {
      const wanted = new Float32Array(Math.min(STEP_TOKENS, text.length) * vocabSize);
      for (let first = 0; first < text.length; first += STEP_TOKENS) {
        const ids = text.slice(first, first + STEP_TOKENS);
        const keep = (row: number, logits: Float32Array) => wanted.set(logits, row * vocabSize);
        const judge = (row: number, logits: Float32Array) => {
          for (let i = 0; (i + 1) * vocabSize <= logits.length; i++) {
            const place = first + row + i + 1;
            const next = text[place];
            if (next === undefined || place < Math.max(front, unread)) continue;
            sums.add(
              wanted.subarray((row + i) * vocabSize, (row + i + 1) * vocabSize),
              logits.subarray(i * vocabSize, (i + 1) * vocabSize),
              next,
            );
          }
        };
        await read(reference, { ids, state: states.reference, visit: keep });
        await read(model, { ids, state: states.model, visit: judge, interventions: under });
        await onProgress?.(done + Math.min(first + STEP_TOKENS, text.length), total);
      }
      done += text.length;
    } finally {
      for (const state of Object.values(states)) state.dispose();
    }
  }
  return { ...sums.result(), window, stride, windows: windows.length };
}

/** KL(p || q) of the softmax of reference[V] and of logits[V], in nats; at least 0, and exactly 0 for equal logits. */
export function divergence(reference: Float32Array, logits: Float32Array): number {
  return divergenceOf(reference, logSumExp(reference), logits, logSumExp(logits));
}

function divergenceOf(reference: Float32Array, totalP: number, logits: Float32Array, totalQ: number): number {
  let sum = 0;
  for (let id = 0; id < reference.length; id++) {
    const logP = (reference[id] as number) - totalP;
    const p = exp(logP);
    if (p > 0) sum += p * (logP - ((logits[id] as number) - totalQ)); // 0 log 0 is 0
  }
  return Math.max(0, sum); // rounding may leave -1e-17
}

class Sums {
  readonly #divergences: number[] = [];
  #logprob = 0;
  #referenceLogprob = 0;
  #difference = 0;
  #sameTop = 0;

  /** Adds a position: logits [V] of both, and the token that follows. */
  add(reference: Float32Array, logits: Float32Array, next: number): void {
    const totals = [logSumExp(reference), logSumExp(logits)] as const;
    const wanted = (reference[next] as number) - totals[0];
    const given = (logits[next] as number) - totals[1];
    this.#divergences.push(divergenceOf(reference, totals[0], logits, totals[1]));
    this.#referenceLogprob += wanted;
    this.#logprob += given;
    this.#difference += Math.abs(given - wanted);
    if (likeliest(reference) === likeliest(logits)) this.#sameTop++;
  }

  result(): Omit<Comparison, 'window' | 'stride' | 'windows'> {
    const tokens = this.#divergences.length;
    const sorted = Float64Array.from(this.#divergences).sort();
    return {
      tokens,
      perplexity: exp(-this.#logprob / tokens),
      referencePerplexity: exp(-this.#referenceLogprob / tokens),
      klMean: sorted.reduce((sum, kl) => sum + kl, 0) / tokens,
      kl99: sorted[Math.ceil(0.99 * tokens) - 1] as number,
      klMax: sorted[tokens - 1] as number,
      sameTop: this.#sameTop / tokens,
      logprobDifference: this.#difference / tokens,
    };
  }
}

/** Index of the first of the largest logits. */
function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id;
  return best;
}
