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
    };

/** Answers, in the same order of kinds. */
export type EvaluationAnswer =
  | { readonly kind: 'loglikelihood'; readonly logProbability: number; readonly isGreedy: boolean }
  | { readonly kind: 'rolling'; readonly logProbability: number; readonly tokens: number }
  | { readonly kind: 'generate'; readonly text: string };
