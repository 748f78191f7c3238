/** What analyses need of a model. `Model` of src/api offers it; a worker can offer the same. */
import type { CapturedTensor } from '../inspect/capture.ts';
import type { ModelFacts, Site } from '../models/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** A text or token ids. */
export type SubjectPrompt = string | ArrayLike<number>;

export interface Subject {
  readonly facts: ModelFacts;
  /** Every value that can be captured. */
  readonly sites: readonly Site[];
  readonly tokenizer: Tokenizer | undefined;
  encode(prompt: SubjectPrompt): readonly number[];
  /** Values of these sites (`*` for any part of a name) while the model reads the prompt. */
  capture(
    prompt: SubjectPrompt,
    options: { readonly sites: readonly string[]; readonly signal?: AbortSignal | undefined },
  ): Promise<Map<string, CapturedTensor>>;
  /** Scores of all tokens for vectors that the head reads: hidden[n, M] -> logits[n, V], given in pieces of some rows. */
  unembed(
    hidden: Float32Array,
    visit: (first: number, logits: Float32Array) => void,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
}
