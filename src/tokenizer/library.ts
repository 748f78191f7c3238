/** The part of @huggingface/tokenizers in use. Its own types name files without an extension, which NodeNext does not resolve. */
import * as library from '@huggingface/tokenizers';

interface SplitOptions {
  readonly type: 'Split';
  readonly pattern: { readonly Regex: string } | { readonly String: string };
  readonly behavior: 'Isolated';
  /** True: only what matches is kept. */
  readonly invert: boolean;
}

interface Library {
  readonly SplitPreTokenizer: new (options: SplitOptions) => { pre_tokenize_text(text: string): string[] };
}

/** Turns patterns of Oniguruma into those of JavaScript. */
export const SplitPreTokenizer = (library as unknown as Library).SplitPreTokenizer;
