/** How far a session has read a prompt already. */
import type { Traces } from '../../interventions/provenance.ts';
import type { State } from '../../runtime/state.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';

export interface ContinuedPrompt {
  readonly ids: readonly number[];
  /** The text that was encoded. */
  readonly text?: string | undefined;
}

/**
 * The ids of the prompt, and how many of them the state has read under the same interventions. Where the text begins with all that the state has read,
 * its ids stay, so that a recurrent state goes on even where the text would be cut into other tokens: an answer was made token by token.
 */
export function continued(
  state: State | undefined,
  { ids, text }: ContinuedPrompt,
  tokenizer: Tokenizer | undefined,
  under: Traces | undefined,
): { readonly ids: readonly number[]; readonly length: number } {
  if (!state?.intact || state.length === 0) return { ids, length: 0 };
  const length = state.reusable(ids, under);
  if (length === state.length || text === undefined || !tokenizer) return { ids, length };
  const more = moreText(state.ids, text, tokenizer);
  if (!more) return { ids, length };
  const joined = [...state.ids, ...tokenizer.encode(more, { addSpecialTokens: false })];
  const all = state.reusable(joined, under);
  return all === state.length ? { ids: joined, length: all } : { ids, length };
}

/** What stands in the text after that of the ids; undefined when the text begins in another way. */
function moreText(ids: readonly number[], text: string, tokenizer: Tokenizer): string | undefined {
  const front = tokenizer.frontIds.length;
  const read = tokenizer.decode(ids, { skipSpecialTokens: false });
  if (text.startsWith(read)) return text.slice(read.length);
  const isFronted = front > 0 && tokenizer.frontIds.every((id, i) => ids[i] === id);
  if (!isFronted) return undefined;
  const withoutFront = tokenizer.decode(ids.slice(front), { skipSpecialTokens: false });
  return text.startsWith(withoutFront) ? text.slice(withoutFront.length) : undefined;
}
