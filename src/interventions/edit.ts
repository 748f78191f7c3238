/** What an intervention comes to on a certain model: changes of single sites, senses and states, with numbers in the right shape. */
import type { Shape } from '../base/tensor.ts';
import type { Strength, StrengthStep, Where } from './intervention.ts';

export type EditKind = 'add' | 'scale' | 'set' | 'project';

/** What all that comes of one intervention has in common. */
export interface Source {
  /** For messages, as in `intervention 3`. */
  readonly name: string;
  /** Of the intervention and its vectors: equal for equal ones. */
  readonly key: string;
  /** Is its strength a function, which may give something else each time? */
  readonly varies: boolean;
  readonly where: Where;
  readonly tokens: ReadonlySet<number> | undefined;
}

/** Changes rows of a site: see the op `intervene`. */
export interface Edit {
  readonly source: Source;
  readonly site: string;
  readonly kind: EditKind;
  /** Numbers of a row, W. */
  readonly width: number;
  /** For `project`: numbers that have a component of their own. */
  readonly group: number;
  /** [W]: 1 for what is changed, 0 for what is left. */
  readonly channels: Float32Array;
  /** [rows, W]; not with `scale`. With several rows, one for each of the positions. */
  readonly vector: Float32Array | undefined;
  readonly rows: number;
  readonly by: Strength;
  /** The strength that changes nothing. */
  readonly neutral: 0 | 1;
}

/** Puts numbers in the place of all of a site's in one pass: for sites that have no row for each token, and for integers. */
export interface Replacement {
  readonly source: Source;
  readonly site: string;
  readonly data: Float32Array;
}

/** Multiplies how much the past counts: probabilities of attention, by position and head. */
export interface Gain {
  readonly source: Source;
  /** Of the probabilities, [H, T, S]. */
  readonly site: string;
  readonly heads: number;
  /** All when undefined. */
  readonly head: number | undefined;
  /** A function gives one number, or [n, H] for n positions. */
  readonly by: number | ((step: StrengthStep) => number | Float32Array);
}

/** Changes a tensor of the state before the token at position `at` is read. */
export interface StateEdit {
  readonly source: Source;
  readonly state: string;
  readonly at: number;
  readonly shape: Shape;
  /** scale * x, or these numbers. */
  readonly scale: number;
  readonly set: Float32Array | undefined;
}
