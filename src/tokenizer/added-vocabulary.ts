/**
 * The added tokens of a tokenizer and their ids: those of tokenizer.json, then those of other files, merged as in the reference
 * (added_vocabulary.rs of huggingface/tokenizers, tokenization_utils_tokenizers.py of transformers).
 */
import type { AddedToken } from './added-tokens.ts';

/** A token as listed in a file. */
export interface ListedToken extends Omit<AddedToken, 'id'> {
  /** The id in the file. The id in the vocabulary, or the next free one, takes precedence. */
  readonly listedId?: number;
}

export const PLAIN = { normalized: false, singleWord: false, lstrip: false, rstrip: false };

export class AddedVocabulary {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens = new Map<string, AddedToken>();
  /** Tokens whose id is not the one that a file lists, for one warning. */
  readonly #elsewhere: string[] = [];
  #largest = -1;

  constructor(ids: ReadonlyMap<string, number>) {
    this.#ids = ids;
  }

  has(content: string): boolean {
    return this.#tokens.has(content);
  }

  idOf(content: string): number | undefined {
    return this.#tokens.get(content)?.id ?? this.#ids.get(content);
  }

  /** Adds a token. An existing one keeps its id and gets the new properties; a special token stays special. */
  add({ listedId, ...token }: ListedToken): void {
    if (token.content === '') return;
    const known = this.#tokens.get(token.content);
    const id = this.idOf(token.content) ?? this.#nextId();
    if (listedId !== undefined && listedId !== id)
      this.#elsewhere.push(`${JSON.stringify(token.content.slice(0, 40))} (${listedId} is listed, ${id} counts)`);
    this.#largest = Math.max(this.#largest, id);
    // `normalized` is fixed when a token becomes special.
    const normalized = known?.special ? known.normalized : token.normalized;
    this.#tokens.set(token.content, { ...token, id, normalized, special: token.special || known?.special === true });
  }

  /** In the order in which they were added. */
  get tokens(): AddedToken[] {
    return [...this.#tokens.values()];
  }

  /** A warning, if there is one. */
  get warning(): string | undefined {
    const [first, second, third, ...more] = this.#elsewhere;
    if (first === undefined) return undefined;
    const shown = [first, second, third].filter((text) => text !== undefined).join(', ');
    const rest = more.length > 0 ? ` and ${more.length} more` : '';
    return `added tokens are listed with ids that differ from the vocabulary, which takes precedence: ${shown}${rest}.`;
  }

  #nextId(): number {
    return Math.max(this.#largest + 1, this.#ids.size);
  }
}
