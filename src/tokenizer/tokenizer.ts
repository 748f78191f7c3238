/**
 * Text to token ids and back, after tokenizer.json: the same ids as huggingface/tokenizers gives, for byte-level BPE (GPT-2, Llama 3,
 * GPT-NeoX, Granite, Falcon), BPE with byte fallback (Llama 2), and Unigram. Text is never cleaned up after decoding: clean_up_tokenization_spaces, which many configs set, takes
 * away spaces that were there, and the reference passes over it for BPE as well.
 */
import { quote, UsageError } from '../base/errors.ts';
import { type Cutter, cutterFor } from './added-tokens.ts';
import { bytesOf } from './byte-level.ts';
import { byteOf } from './byte-tokens.ts';
import type { TokenDecoder } from './decoders.ts';
import { readTokenizerFile, type TokenizerFile } from './tokenizer-file.ts';

export interface EncodeOptions {
  /** Adds the ids of the post-processor before and after a text, such as a begin-of-text; default true. */
  readonly addSpecialTokens?: boolean | undefined;
  /** Treats names of special tokens in the text as ordinary text; default false, unless the config sets it. */
  readonly splitSpecialTokens?: boolean | undefined;
}

export interface Tokenizer {
  /** The largest id plus one. */
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** model_max_length of tokenizer_config.json; undefined when it sets no limit. `encode` cuts nothing. */
  readonly maxLength: number | undefined;
  readonly specialIds: ReadonlySet<number>;
  /** Ids that `encode` adds in front of a text, such as a begin-of-text. */
  readonly frontIds: readonly number[];
  /** Encodes a text. Names of special tokens in the text become their ids, unless `splitSpecialTokens` is set. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Decodes ids. Unknown ids have no text; invalid UTF-8 becomes U+FFFD. `skipSpecialTokens`: default true. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
  /** Text of one token inside of a text, for display; of a special token, its name. */
  piece(id: number): string;
  /** The bytes of one token inside of a text; undefined for special tokens and for ids that stand for nothing. */
  bytes(id: number): Uint8Array | undefined;
  /**
   * Decodes token by token, without special tokens. `continues`: other text comes before, which matters for tokenizers that remove a space
   * at the start of a text.
   */
  stream(options?: { readonly continues?: boolean | undefined }): TextStream;
}

export interface TextStream {
  /** Adds a token; returns the text that is certain, never a part of a character. */
  push(id: number): string;
  /** Returns the rest, with U+FFFD for incomplete bytes. The stream can then be used again. */
  end(): string;
}

/**
 * Makes a tokenizer from parsed JSON; `config` may be undefined. `onWarning` is called with warnings. Throws CheckpointError that names
 * what is wrong or not supported.
 */
export function createTokenizer(json: unknown, config: unknown, onWarning?: (message: string) => void): Tokenizer {
  return new FileTokenizer(readTokenizerFile(json, config, onWarning));
}

class FileTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly maxLength: number | undefined;
  readonly specialIds: ReadonlySet<number>;
  readonly frontIds: readonly number[];
  readonly #file: TokenizerFile;
  readonly #cutRaw: Cutter;
  readonly #cutNormalized: Cutter;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #skipped: ReadonlySet<number>;
  readonly #names: ReadonlyMap<number, string>;
  readonly #pieces = new Map<number, string>();

  constructor(file: TokenizerFile) {
    const { model, added, normalize } = file;
    this.#file = file;
    this.#tokens = new Map([
      ...Array.from(model.ids, ([token, id]) => [id, token] as const),
      // As the reference gives them back: those that are looked for in the normalised text, as they stand there.
      ...added.map(({ id, content, normalized }) => [id, normalized ? normalize(content) : content] as const),
    ]);
    let largest = -1;
    for (const id of this.#tokens.keys()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
    this.bosId = file.bosId;
    this.eosId = file.eosId;
    this.maxLength = file.maxLength;
    this.frontIds = file.frame.before;
    const special = added.filter((token) => token.special);
    this.specialIds = new Set(special.map(({ id }) => id));
    // When skipping special tokens, the reference compares names, which normalised tokens no longer have.
    this.#skipped = new Set(special.filter(({ id, content }) => this.#tokens.get(id) === content).map(({ id }) => id));
    this.#names = new Map(special.map(({ id, content }) => [id, content]));
    const raw = added.filter(({ normalized }) => !normalized);
    const normalized = added.filter((token) => token.normalized);
    this.#cutRaw = cutterFor(raw, (content) => content);
    this.#cutNormalized = cutterFor(normalized, normalize);
  }

  encode(text: string, { addSpecialTokens = true, splitSpecialTokens }: EncodeOptions = {}): number[] {
    if (typeof text !== 'string') throw new UsageError(`encode got ${quote(text)}, wanted a text.`);
    const { frame } = this.#file;
    const literal = splitSpecialTokens ?? this.#file.splitSpecialTokens;
    const ids: number[] = addSpecialTokens ? [...frame.before] : [];
    this.#cutRaw(wellFormed(text), literal).forEach((section, i) => {
      if (typeof section === 'number') ids.push(section);
      else this.#encodeSection(section, i === 0, literal, ids);
    });
    if (addSpecialTokens) ids.push(...frame.after);
    return ids;
  }

  #encodeSection(text: string, isFirst: boolean, literal: boolean, ids: number[]): void {
    const { model, normalize, preTokenize } = this.#file;
    this.#cutNormalized(normalize(text), literal).forEach((section, i) => {
      if (typeof section === 'number') ids.push(section);
      else {
        const begins = isFirst && i === 0 && !this.#losesBegin(text);
        for (const piece of preTokenize(section, begins)) for (const id of model.encode(piece)) ids.push(id);
      }
    });
  }

  /** Does the normaliser remove the first character? Then the rest does not count as the start of the text. */
  #losesBegin(text: string): boolean {
    const { normalize } = this.#file;
    const first = String.fromCodePoint(text.codePointAt(0) ?? 0);
    // Alone it may also be taken away as the end of a text.
    return normalize(first) === '' && normalize(text) === normalize(text.slice(first.length));
  }

  decode(ids: readonly number[], { skipSpecialTokens = true }: { readonly skipSpecialTokens?: boolean } = {}): string {
    const decoder = this.#file.decoder(false);
    let text = '';
    for (const id of ids) text += this.#push(decoder, id, skipSpecialTokens);
    return text + decoder.end();
  }

  stream({ continues = false }: { readonly continues?: boolean | undefined } = {}): TextStream {
    let decoder = this.#file.decoder(continues);
    return {
      push: (id) => this.#push(decoder, id, true),
      end: () => {
        const rest = decoder.end();
        decoder = this.#file.decoder(continues);
        return rest;
      },
    };
  }

  piece(id: number): string {
    let piece = this.#pieces.get(id);
    if (piece === undefined) {
      const decoder = this.#file.decoder(true);
      piece = this.#names.get(id) ?? this.#push(decoder, id, false) + decoder.end();
      this.#pieces.set(id, piece);
    }
    return piece;
  }

  bytes(id: number): Uint8Array | undefined {
    const token = this.#tokens.get(id);
    if (token === undefined || this.specialIds.has(id)) return undefined;
    const piece = this.piece(id);
    // Bytes that are no whole character have no text of their own.
    if (!piece.includes('\ufffd')) return new TextEncoder().encode(piece);
    const byte = byteOf(token);
    return byte === undefined ? bytesOf(token) : Uint8Array.of(byte);
  }

  #push(decoder: TokenDecoder, id: number, skipSpecial: boolean): string {
    if (!Number.isInteger(id) || id < 0)
      throw new UsageError(`a token id came as ${id}, wanted a whole number from 0 on.`);
    const token = this.#tokens.get(id);
    return token === undefined || (skipSpecial && this.#skipped.has(id)) ? '' : decoder.push(token);
  }
}

/** Replaces single halves of surrogate pairs by U+FFFD, as in the UTF-8 of a text. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}
