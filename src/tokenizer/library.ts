/** The two parts of @huggingface/tokenizers in use. Its own types name files without an extension, which NodeNext does not resolve. */
import * as library from '@huggingface/tokenizers';

interface BpeOptions {
  readonly type: 'BPE';
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
  readonly unk_token: string | null;
  readonly ignore_merges: boolean;
}

interface SplitOptions {
  readonly type: 'Split';
  readonly pattern: { readonly Regex: string } | { readonly String: string };
  readonly behavior: 'Isolated';
  /** True: only what matches is kept. */
  readonly invert: boolean;
}

interface Library {
  readonly BPE: new (options: BpeOptions) => { encode(words: readonly string[]): string[] };
  readonly SplitPreTokenizer: new (options: SplitOptions) => { pre_tokenize_text(text: string): string[] };
}

export const BPE = (library as unknown as Library).BPE;
export const SplitPreTokenizer = (library as unknown as Library).SplitPreTokenizer;
