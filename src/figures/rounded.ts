/** Numbers as tables show them. */

/** To so many significant digits. */
export const rounded = (x: number, digits = 4): number => Number(x.toPrecision(digits));

/** A share as percents with one decimal, as in 12.5%. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
