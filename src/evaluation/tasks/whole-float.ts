/**
 * A whole number that is a floating-point one: 1.0, which Python writes otherwise than 1. Data and templates have it where JavaScript would lose the
 * difference; all other numbers are plain.
 */
export class WholeFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }

  /** As `repr` of Python writes it, with an exponent from 10^16 on. */
  toString(): string {
    if (Math.abs(this.value) >= 1e16) return this.value.toExponential().replace(/e\+(\d)$/, 'e+0$1');
    return `${Object.is(this.value, -0) ? '-0' : this.value}.0`;
  }
}

/** A floating-point number as data: a WholeFloat, or a plain number where it is not whole. */
export function floatOf(value: number): number | WholeFloat {
  return Number.isInteger(value) ? new WholeFloat(value) : value;
}

/** A number of data as a number, other values as they are. */
export const plainNumber = (value: unknown): unknown => (value instanceof WholeFloat ? value.value : value);
