/**
 * Which added tokens a tokenizer has, with which ids: those of tokenizer.json, then those that other files name, put together as the
 * reference does (added_vocabulary.rs of huggingface/tokenizers, tokenization_utils_tokenizers.py of transformers).
 */
import type { AddedToken } from './added-tokens.ts';

/** A token as a file lists it. */
export interface ListedToken extends Omit<AddedToken, 'id'> {
  /** The id that the file gives. What counts is the vocabulary's, or the next that is free. */
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

  /** Of a token that is there already the id stays, what it does changes; once special, it stays so. */
  add({ listedId, ...token }: ListedToken): void {
    if (token.content === '') return;
    const known = this.#tokens.get(token.content);
    const id = this.idOf(token.content) ?? this.#nextId();
    if (listedId !== undefined && listedId !== id)
      this.#elsewhere.push(`${JSON.stringify(token.content.slice(0, 40))} (${listedId} is listed, ${id} counts)`);
    this.#largest = Math.max(this.#largest, id);
    // In which text a special token is looked for is settled when it becomes one.
    const normalized = known?.special ? known.normalized : token.normalized;
    this.#tokens.set(token.content, { ...token, id, normalized, special: token.special || known?.special === true });
  }

  /** In the order in which they were added. */
  get tokens(): AddedToken[] {
    return [...this.#tokens.values()];
  }

  /** What is odd, if anything. */
  get warning(): string | undefined {
    const [first, second, third, ...more] = this.#elsewhere;
    if (first === undefined) return undefined;
    const shown = [first, second, third].filter((text) => text !== undefined).join(', ');
    const rest = more.length > 0 ? ` and ${more.length} more` : '';
    return `added tokens are listed with other ids than they have, as the vocabulary goes first: ${shown}${rest}.`;
  }

  #nextId(): number {
    return Math.max(this.#largest + 1, this.#ids.size);
  }
}
