/**
 * Divides the tokens of a step. Sequences that decode come first, one token each. What is left is for prompts: half of it for the one that
 * came first, so that a long prompt ends in bounded time however many others come; the other half in equal parts, those with few tokens left
 * first, so that a short prompt does not wait for a long one.
 */
import { sharesOf } from '../runtime/reader.ts';

export interface Budget {
  /** Most tokens in a step. */
  readonly stepTokens: number;
  /** Most tokens of prompts in a step in which somebody decodes. */
  readonly promptTokens: number;
}

export interface Claim {
  /** Tokens still to be read. */
  readonly left: number;
  /** Number of the request, in the order of arrival. */
  readonly arrival: number;
}

export function stepShares(claims: readonly Claim[], { stepTokens, promptTokens }: Budget): number[] {
  const shares = claims.map(({ left }) => (left === 1 ? 1 : 0));
  const decoding = shares.reduce((sum, share) => sum + share, 0);
  const prompts = [...claims.keys()].filter((i) => left(i) > 1);
  const [first, ...others] = prompts.toSorted((a, b) => arrival(a) - arrival(b));
  if (first === undefined) return shares;
  const room = Math.max(1, decoding > 0 ? Math.min(stepTokens - decoding, promptTokens) : stepTokens);
  const reserved = others.length === 0 ? room : Math.ceil(room / 2);
  shares[first] = Math.min(left(first), reserved);
  const rest = sharesOf(
    prompts.map((i) => left(i) - share(i)),
    room - share(first),
  );
  prompts.forEach((i, n) => {
    shares[i] = share(i) + (rest[n] as number);
  });
  return shares;

  function left(i: number): number {
    return (claims[i] as Claim).left;
  }
  function arrival(i: number): number {
    return (claims[i] as Claim).arrival;
  }
  function share(i: number): number {
    return shares[i] as number;
  }
}
