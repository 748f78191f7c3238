/**
 * Figures as plain data, for whoever draws them: the pages of the command line, or a page of one's own. Functions that make figures of the
 * results of an analysis are pure; src/drawing draws.
 */

interface Common {
  readonly title: string;
  /** How to read it, in a sentence or two. */
  readonly about?: string | undefined;
}

/** Places along an axis, in order. Ticks may be equal, as tokens of a text are. */
export interface Axis {
  readonly label: string;
  readonly ticks: readonly string[];
}

/** One number for each pair of places. */
export interface Heatmap extends Common {
  readonly kind: 'heatmap';
  readonly x: Axis;
  /** From the top. */
  readonly y: Axis;
  /** What the numbers are, with their unit, as in 'KL (nats)'. */
  readonly measure: string;
  /** A row for each place of y, a number for each place of x; null leaves a cell empty. */
  readonly values: readonly (readonly (number | null)[])[];
  /** Words written into the cells. */
  readonly texts?: readonly (readonly string[])[] | undefined;
  /** More about each cell, shown when it is pointed at. */
  readonly hover?: readonly (readonly string[])[] | undefined;
  /** Diverging colours are for numbers on both sides of 0. Default sequential. */
  readonly colours?: 'sequential' | 'diverging' | undefined;
  /** Numbers of the ends of the colours; default: the least and the greatest. */
  readonly range?: readonly [number, number] | undefined;
}

export interface Series {
  readonly name: string;
  /** One for each place; null where there is none. */
  readonly values: readonly (number | null)[];
}

/** Lengths: bars from 0, for each place. Those of several series are stacked. */
export interface Bars extends Common {
  readonly kind: 'bars';
  readonly places: Axis;
  readonly measure: string;
  readonly series: readonly Series[];
  /** More about each place, shown when it is pointed at. */
  readonly hover?: readonly string[] | undefined;
  /** Bars that stand, as in a histogram; default: they lie below each other, which leaves room for long ticks. */
  readonly upright?: boolean | undefined;
}

/** Numbers that go on from place to place, a line for each series. */
export interface Lines extends Common {
  readonly kind: 'lines';
  readonly places: Axis;
  readonly measure: string;
  readonly series: readonly Series[];
  /** Where the places lie along the axis, rising; default 0, 1, 2 and so on. */
  readonly at?: readonly number[] | undefined;
  /** For measures above 0 that span powers of ten. */
  readonly logarithmic?: boolean | undefined;
  /** Lines go on over places without a number; default: they are broken there. */
  readonly joined?: boolean | undefined;
  /** The axis begins where the numbers do; default: at 0. */
  readonly anyZero?: boolean | undefined;
}

/** Rows of texts and numbers; numbers are written as they are, so round them before. */
export interface Table extends Common {
  readonly kind: 'table';
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

export type Figure = Heatmap | Bars | Lines | Table;

/** What one page shows. */
export interface Report {
  readonly title: string;
  /** From what it was made, such as ['model', 'granite-tiny']. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly figures: readonly Figure[];
  /** Said at the end. */
  readonly notes?: readonly string[] | undefined;
}
