/**
 * Which token ids a model reads for a text, and which of them are scored: as lm-evaluation-harness 0.4.13 does (TemplateLM and HFLM), to the
 * token. Texts are encoded with what the tokenizer adds in front, unless they begin with it; what is too long loses its beginning.
 */
import { UsageError } from '../../base/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { stripEnd } from '../tasks/python-methods.ts';

/** Token ids of which those from `first` on are scored, each given all before it. `first` is 1 at least. */
export interface ScoredIds {
  readonly ids: readonly number[];
  readonly first: number;
}

interface Cut {
  /** Tokens that it lost from its beginning. */
  readonly lost: number;
}

/** The tokenizer as the harness uses it. */
export class PairEncoder {
  readonly #tokenizer: Tokenizer;
  /** Stands before texts that have no context: the begin-of-text, else the end-of-text. */
  readonly prefixId: number;
  readonly #prefixText: string;
  /** Most tokens that the model reads. */
  readonly maxLength: number;
  #lastContext: { readonly text: string; readonly ids: readonly number[] } | undefined;

  constructor(tokenizer: Tokenizer, maxLength: number) {
    const prefixId = tokenizer.bosId ?? tokenizer.eosId;
    if (prefixId === undefined)
      throw new UsageError(
        'this tokenizer has neither a begin-of-text nor an end-of-text token, which empty contexts need.',
      );
    this.#tokenizer = tokenizer;
    this.prefixId = prefixId;
    this.#prefixText = tokenizer.decode([prefixId], { skipSpecialTokens: false });
    this.maxLength = maxLength;
  }

  encode(text: string): number[] {
    return this.#tokenizer.encode(text, { addSpecialTokens: !text.startsWith(this.#prefixText) });
  }

  /** Throws UsageError when the continuation has no token, or more than the model reads. */
  pair(context: string, continuation: string): ScoredIds & Cut {
    const [before, scored] = context === '' ? this.#alone(continuation) : this.#split(context, continuation);
    if (before.length === 0)
      throw new UsageError('its context has no token: nothing is left of it without white space at its end.');
    if (scored.length === 0) throw new UsageError('its continuation has no token of its own.');
    if (scored.length > this.maxLength)
      throw new UsageError(
        `its continuation has ${scored.length} tokens, more than the ${this.maxLength} that this model reads.`,
      );
    return this.#cut(before, scored);
  }

  /**
   * The windows of a text that is scored as a whole, the first after the prefix token. Later ones have as much context as there is room for, and
   * `least` tokens of it at least.
   */
  windows(text: string, least = 1): ScoredIds[] {
    const ids = this.encode(text);
    if (ids.length === 0) return [];
    const most = this.maxLength;
    const begin = ids.slice(0, most);
    const found: ScoredIds[] = [{ ids: [this.prefixId, ...begin], first: 1 }];
    const step = most - least + 1;
    for (let done = begin.length; done < ids.length; ) {
      const count = Math.min(ids.length - done, step);
      const end = done + count;
      found.push({ ids: ids.slice(end - most - 1, end), first: most + 1 - count });
      done = end;
    }
    return found;
  }

  /** The prompt of a generation that may add so many tokens. Throws UsageError when these leave no room. */
  prompt(context: string, maxNewTokens: number): Cut & { readonly ids: readonly number[] } {
    const room = this.maxLength - maxNewTokens;
    if (room <= 0)
      throw new UsageError(
        `it may add ${maxNewTokens} tokens, which leaves no room for a prompt: this model reads ${this.maxLength}.`,
      );
    const ids = this.encode(context);
    return { ids: ids.length === 0 ? [this.prefixId] : ids.slice(-room), lost: Math.max(0, ids.length - room) };
  }

  #alone(continuation: string): readonly [readonly number[], readonly number[]] {
    const ids = this.#tokenizer.encode(continuation, { addSpecialTokens: false });
    return ids[0] === this.prefixId ? [ids.slice(0, 1), ids.slice(1)] : [[this.prefixId], ids];
  }

  /** White space at the end of the context counts to the continuation, because tokens begin with spaces. */
  #split(context: string, continuation: string): readonly [readonly number[], readonly number[]] {
    const kept = stripEnd(context);
    const whole = this.encode(context + continuation);
    if (this.#lastContext?.text !== kept) this.#lastContext = { text: kept, ids: this.encode(kept) };
    const { ids } = this.#lastContext;
    // Where a token reaches over the border, the whole text's tokens count, from the context's number on.
    return [ids, whole.slice(ids.length)];
  }

  #cut(before: readonly number[], scored: readonly number[]): ScoredIds & Cut {
    const lost = Math.max(0, before.length + scored.length - this.maxLength - 1);
    return { ids: [...before.slice(lost), ...scored], first: before.length - lost, lost };
  }
}

/** The harness's default where neither config.json nor the tokenizer tells. */
const USUAL_LENGTH = 2048;

/** Most tokens that the harness lets a model read. */
export function maxLengthOf(
  config: Readonly<Record<string, unknown>>,
  contextLength: number | undefined,
  tokenizer: Pick<Tokenizer, 'maxLength'>,
): number {
  const told = ['n_positions', 'max_position_embeddings', 'n_ctx'].map((key) => config[key]).find((one) => one != null);
  const most = typeof told === 'number' ? told : (tokenizer.maxLength ?? USUAL_LENGTH);
  return Math.min(most, contextLength ?? Number.POSITIVE_INFINITY);
}
