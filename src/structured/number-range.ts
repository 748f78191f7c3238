/** Numbers between bounds as languages of bytes. Bounds are compared exactly, as the decimal numbers that JSON has. */
import { UsageError } from '../base/errors.ts';
import { counted, multipleCount } from './counted.ts';
import { byteRange, type Expression, either, literal, nothing, ranges, repeat, sequence } from './expression.ts';
import { digit, MAX_DIGITS } from './json-text.ts';

/** Both inclusive; absent where there is none. */
export interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Exclusive. */
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

/** Digits after the point that are written in any case; more where the range needs them. */
const USUAL_DECIMALS = 6;

/** The language of all whole numbers in the range, of at most MAX_DIGITS digits; `nothing` when there is none. */
export const integersIn = (range: Range): Expression => decimalsIn(range, 0);

/** The language of the numbers in the range with some digits after the point, MAX_DIGITS in all; `nothing` when there is none. */
export function numbersIn(range: Range): Expression {
  const found: Expression[] = [];
  for (let decimals = 0; decimals < MAX_DIGITS; decimals++) {
    if (decimals > USUAL_DECIMALS && found.length > 0) break;
    const some = decimalsIn(range, decimals);
    if (some !== nothing) found.push(some);
  }
  return found.length > 0 ? either(...found) : nothing;
}

/** Greater remainders than those of this divisor would be rounded. */
const MAX_DIVISOR = 10n ** 14n;

/**
 * The language of the multiples of a number in the range, by their decimals, MAX_DIGITS in all; `nothing` when there is none. `whole`: only whole
 * numbers. Throws UsageError when there is too much to count.
 */
export function multiplesIn(range: Range, of: number, { whole }: { readonly whole: boolean }): Expression {
  const { digits, decimals } = decimal(of);
  const found: Expression[] = [];
  for (let after = 0; after <= (whole ? 0 : Math.min(Math.max(0, decimals), MAX_DIGITS - 1)); after++) {
    // With so many digits after the point, a number is a multiple when its digits, without the point, are a multiple of `divisor`.
    const [multiple, unit] = [digits * power(after - decimals), power(decimals - after)];
    const divisor = multiple / commonDivisor(multiple, unit);
    if (divisor > MAX_DIVISOR) throw new UsageError(`multiples of ${of} are too far apart.`);
    const all = decimalsIn(range, after);
    const some = divisor === 1n ? all : counted(all, multipleCount(Number(divisor)), ranges);
    if (some !== nothing) found.push(some);
  }
  return found.length > 0 ? either(...found) : nothing;
}

/** 10^exponent; 1 where the exponent is negative. */
const power = (exponent: number): bigint => 10n ** BigInt(Math.max(0, exponent));

const commonDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : commonDivisor(b, a % b));

/** Numbers with exactly so many digits after the point. */
function decimalsIn({ min, max, above, below }: Range, decimals: number): Expression {
  const largest = 10n ** BigInt(MAX_DIGITS) - 1n;
  let [from, to] = [-largest, largest];
  if (min !== undefined) from = larger(from, scaled(min, decimals, 'up'));
  if (above !== undefined) from = larger(from, scaled(above, decimals, 'down') + 1n);
  if (max !== undefined) to = -larger(-to, -scaled(max, decimals, 'down'));
  if (below !== undefined) to = -larger(-to, -(scaled(below, decimals, 'up') - 1n));
  return between(from, to, decimals);
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** A number as it is written in decimals: digits / 10^decimals. */
function decimal(value: number): { readonly digits: bigint; readonly decimals: number } {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), decimals: fraction.length - Number(exponent) };
}

/** value times 10^decimals, as a whole number. */
function scaled(value: number, decimals: number, rounding: 'up' | 'down'): bigint {
  const { digits, decimals: own } = decimal(value);
  const power = decimals - own;
  if (power >= 0) return digits * 10n ** BigInt(power);
  const unit = 10n ** BigInt(-power);
  const rest = digits % unit;
  const quotient = digits / unit;
  if (rounding === 'up') return rest > 0n ? quotient + 1n : quotient;
  return rest < 0n ? quotient - 1n : quotient;
}

/** The numbers from / 10^decimals to to / 10^decimals, without leading zeros. */
function between(from: bigint, to: bigint, decimals: number): Expression {
  if (from > to) return nothing;
  if (to < 0n) return sequence(literal('-'), between(-to, -from, decimals));
  if (from < 0n) return either(sequence(literal('-'), between(1n, -from, decimals)), between(0n, to, decimals));
  const shown = (digits: string) =>
    decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  const [first, last] = [from, to].map((one) => String(one).padStart(decimals + 1, '0')) as [string, string];
  const parts: Expression[] = [];
  for (let length = first.length; length <= last.length; length++) {
    const low = length === first.length ? first : `1${'0'.repeat(length - 1)}`;
    const high = length === last.length ? last : '9'.repeat(length);
    parts.push(alike(shown(low), shown(high)));
  }
  return either(...parts);
}

/** Numbers of one length, with the point in one place. */
function alike(low: string, high: string): Expression {
  if (low === '') return literal('');
  const [lower, upper] = [low.slice(1), high.slice(1)];
  if (low[0] === '.') return sequence(literal('.'), alike(lower, upper));
  const [a, b] = [low.charCodeAt(0), high.charCodeAt(0)];
  if (/^[0.]*$/.test(lower) && /^[9.]*$/.test(upper)) return sequence(byteRange(a, b), anyOfForm(lower));
  const after = (first: number, some: Expression) => sequence(byteRange(first, first), some);
  if (a === b) return after(a, alike(lower, upper));
  const middle = a + 1 < b ? [sequence(byteRange(a + 1, b - 1), anyOfForm(lower))] : [];
  return either(
    after(a, alike(lower, lower.replace(/\d/g, '9'))),
    ...middle,
    after(b, alike(upper.replace(/\d/g, '0'), upper)),
  );
}

/** Any digits, with the point where it stands here. */
const anyOfForm = (form: string): Expression =>
  sequence(
    ...form
      .split('.')
      .flatMap((digits, i) => [...(i > 0 ? [literal('.')] : []), repeat(digit, digits.length, digits.length)]),
  );
