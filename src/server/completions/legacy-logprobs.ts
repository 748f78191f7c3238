/** Log-probabilities in the form of /v1/completions: lists of tokens, numbers, most likely tokens, and places in the text. */

export interface LoggedToken {
  readonly text: string;
  /** Null for the first token of a prompt, which nothing predicts. */
  readonly logprob: number | null;
  readonly alternatives?: readonly { readonly text: string; readonly logprob: number }[] | undefined;
}

/** Counts places through the whole text of an answer, in characters as Python counts them. */
export class LegacyLogprobs {
  readonly #most: number;
  #offset = 0;

  /** `most`: number of alternatives. */
  constructor(most: number) {
    this.#most = most;
  }

  of(tokens: readonly LoggedToken[]) {
    const text_offset = tokens.map(({ text }) => {
      const at = this.#offset;
      this.#offset += [...text].length;
      return at;
    });
    return {
      tokens: tokens.map(({ text }) => text),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: this.#most === 0 ? null : tokens.map(topOf),
      text_offset,
    };
  }
}

/** The most likely tokens and the token itself. Of several tokens with the same text, the most likely one. */
function topOf({ text, logprob, alternatives = [] }: LoggedToken): Readonly<Record<string, number>> | null {
  if (logprob === null) return null;
  const top = new Map<string, number>();
  for (const one of [...alternatives, { text, logprob }])
    top.set(one.text, Math.max(one.logprob, top.get(one.text) ?? Number.NEGATIVE_INFINITY));
  return Object.fromEntries(top);
}
