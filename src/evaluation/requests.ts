/** Questions to a model and their answers. */
import type { SamplingOptions } from '../sampler/sampler.ts';

/** One question to a model. Texts are as the task wrote them; token ids are made where they are answered. */
export type EvaluationRequest =
  | { readonly kind: 'loglikelihood'; readonly context: string; readonly continuation: string }
  | { readonly kind: 'rolling'; readonly text: string }
  | {
      readonly kind: 'generate';
      readonly context: string;
      readonly until: readonly string[];
      readonly maxNewTokens: number;
      readonly sampling: SamplingOptions;
    }
  | SenseRequest;

/** About the senses of words, of models that have them. */
export type SenseRequest =
  /** How alike two words are: the cosine of each sense with its like, then min, max, min and max of any two, and all as one vector. */
  | { readonly kind: 'wordPair'; readonly words: readonly [string, string] }
  /**
   * After each prompt, where {word} stands for the word: the difference of the logits of the pair, then what each sense of the word adds to it. None
   * for a word of several tokens.
   */
  | {
      readonly kind: 'leanings';
      readonly word: string;
      readonly prompts: readonly string[];
      readonly pair: readonly [string, string];
    };

export const isOfSenses = (request: EvaluationRequest): request is SenseRequest =>
  request.kind === 'wordPair' || request.kind === 'leanings';

/** Answers, in the same order of kinds; those about senses are lists of numbers. */
export type EvaluationAnswer =
  | { readonly kind: 'loglikelihood'; readonly logProbability: number; readonly isGreedy: boolean }
  | { readonly kind: 'rolling'; readonly logProbability: number; readonly tokens: number }
  | { readonly kind: 'generate'; readonly text: string }
  | { readonly kind: 'numbers'; readonly numbers: readonly number[] };
