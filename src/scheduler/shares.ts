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
  const isPrompt = ({ left }: Claim) => left > 1;
  const prompts = claims.filter(isPrompt);
  const decoding = claims.filter(({ left }) => left === 1).length;
  const room = Math.max(1, decoding > 0 ? Math.min(stepTokens - decoding, promptTokens) : stepTokens);
  const first = prompts.reduce((first, one) => (one.arrival < first.arrival ? one : first), prompts[0] as Claim);
  const reserved = prompts.length === 0 ? 0 : Math.min(first.left, prompts.length === 1 ? room : Math.ceil(room / 2));
  const reservedOf = (claim: Claim) => (claim === first ? reserved : 0);
  const rest = sharesOf(
    prompts.map((claim) => claim.left - reservedOf(claim)),
    room - reserved,
  );
  return claims.map((claim) =>
    isPrompt(claim) ? reservedOf(claim) + (rest[prompts.indexOf(claim)] as number) : claim.left,
  );
}
