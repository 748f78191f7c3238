/**
 * Text to token ids and back, for the byte-level BPE of GPT-2, Llama 3, GPT-NeoX and Granite, after tokenizer.json: the same ids as
 * huggingface/tokenizers gives. Text is never cleaned up after decoding: clean_up_tokenization_spaces, which many configs set, takes
 * away spaces that were there, and the reference passes over it for BPE as well.
 */
import { UsageError } from '../errors.ts';
import { type Cutter, cutterFor } from './added-tokens.ts';
import { bytesOf, spellBytes } from './byte-level.ts';
import { readTokenizerFile, type TokenizerFile } from './tokenizer-file.ts';

export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly specialIds: ReadonlySet<number>;
  /** Special tokens that stand in the text become their ids. `addSpecialTokens`: those that the post-processor adds, default true. */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** Ids that are no token have no text. Bytes that are no character come out as U+FFFD. `skipSpecialTokens`: default true. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Text of one token, for display. */
  piece(id: number): string;
  /** Decodes token by token, without special tokens. */
  stream(): TextStream;
}

export interface TextStream {
  /** The text that is now certain: never half a character. */
  push(id: number): string;
  /** What is left, where incomplete bytes come out as U+FFFD. The stream may be used anew. */
  end(): string;
}

/**
 * Of parsed JSON; `config` may be undefined. `onWarning` is told what is odd but no error. Throws CheckpointError that names what is
 * wrong or not understood.
 */
export function createTokenizer(json: unknown, config: unknown, onWarning?: (message: string) => void): Tokenizer {
  return new ByteLevelTokenizer(readTokenizerFile(json, config, onWarning));
}

class ByteLevelTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly specialIds: ReadonlySet<number>;
  readonly #file: TokenizerFile;
  readonly #cutRaw: Cutter;
  readonly #cutNormalized: Cutter;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #bytes = new Map<number, Uint8Array>();
  readonly #pieces = new Map<number, string>();

  constructor(file: TokenizerFile) {
    const { words, added, normalize } = file;
    this.#file = file;
    this.#tokens = new Map([
      ...Array.from(words.ids, ([token, id]) => [id, token] as const),
      ...added.map(({ id, content }) => [id, content] as const),
    ]);
    let largest = -1;
    for (const id of this.#tokens.keys()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
    this.bosId = file.bosId;
    this.eosId = file.eosId;
    this.specialIds = new Set(added.filter(({ special }) => special).map(({ id }) => id));
    const raw = added.filter(({ normalized }) => !normalized);
    const normalized = added.filter((token) => token.normalized);
    this.#cutRaw = cutterFor(raw, (content) => content);
    this.#cutNormalized = cutterFor(normalized, normalize);
  }

  encode(text: string, { addSpecialTokens = true }: { readonly addSpecialTokens?: boolean } = {}): number[] {
    const { frame } = this.#file;
    const ids: number[] = addSpecialTokens ? [...frame.before] : [];
    for (const section of this.#cutRaw(wellFormed(text))) {
      if (typeof section === 'number') ids.push(section);
      else this.#encodeSection(section, ids);
    }
    if (addSpecialTokens) ids.push(...frame.after);
    return ids;
  }

  #encodeSection(text: string, ids: number[]): void {
    const { words, normalize, preTokenize } = this.#file;
    for (const section of this.#cutNormalized(normalize(text))) {
      if (typeof section === 'number') ids.push(section);
      else for (const word of preTokenize(section)) for (const id of words.encode(spellBytes(word))) ids.push(id);
    }
  }

  decode(ids: readonly number[], { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean } = {}): string {
    const decoder = utf8Decoder();
    let text = '';
    for (const id of ids) text += decoder.decode(this.#bytesOf(id, skipSpecialTokens), { stream: true });
    return text + decoder.decode();
  }

  stream(): TextStream {
    const decoder = utf8Decoder();
    return {
      push: (id) => decoder.decode(this.#bytesOf(id, true), { stream: true }),
      end: () => decoder.decode(),
    };
  }

  piece(id: number): string {
    let piece = this.#pieces.get(id);
    if (piece === undefined) {
      piece = this.specialIds.has(id) ? (this.#tokens.get(id) as string) : this.decode([id]);
      this.#pieces.set(id, piece);
    }
    return piece;
  }

  #bytesOf(id: number, skipSpecial: boolean): Uint8Array {
    if (!Number.isInteger(id) || id < 0)
      throw new UsageError(`a token id came as ${id}, wanted a whole number from 0 on.`);
    if (skipSpecial && this.specialIds.has(id)) return NO_BYTES;
    let bytes = this.#bytes.get(id);
    if (!bytes) {
      bytes = bytesOf(this.#tokens.get(id) ?? '');
      this.#bytes.set(id, bytes);
    }
    return bytes;
  }
}

const NO_BYTES = new Uint8Array();

/** Keeps U+FEFF, which a decoder takes for a mark of byte order unless told otherwise. */
function utf8Decoder(): TextDecoder {
  return new TextDecoder('utf-8', { ignoreBOM: true });
}

/** Halves of surrogate pairs are no characters: U+FFFD stands for each, as in the UTF-8 of a text. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}
