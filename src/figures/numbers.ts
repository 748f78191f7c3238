/** How numbers and tokens are written in tables and beside figures. */
import { exp } from '../base/math.ts';
import { tokenLabel } from './token-label.ts';

/** `12.3%`, of a natural logarithm. */
export function percent(logprob: number): string {
  const share = 100 * exp(logprob);
  return `${share >= 0.0005 || share === 0 ? share.toFixed(share < 0.1 ? 3 : 1) : share.toExponential(1)}%`;
}

/** A text of a token, or its id where it has none. */
export const labelOf = ({ id, text }: { readonly id: number; readonly text: string }): string =>
  text === '' ? `${id}` : tokenLabel(text);

/** Tokens along an axis, with their places: equal tokens are told apart. */
export const tokenTicks = (tokens: readonly { readonly id: number; readonly text: string }[]): string[] =>
  tokens.map((token) => labelOf(token));

/** Four digits after the point, and a sign; what is smaller, as a power of ten. */
export function signed(value: number): string {
  const isTiny = value !== 0 && Math.abs(value) < 0.00005;
  return `${value < 0 ? '' : '+'}${isTiny ? value.toExponential(1) : value.toFixed(4)}`;
}
