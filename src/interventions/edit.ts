/** Compiled interventions on a certain model: changes of single sites, senses and states, with numbers in the right shape. */
import type { Shape } from '../base/tensor.ts';
import type { Strength, StrengthStep, Where } from './intervention.ts';

export type EditKind = 'add' | 'scale' | 'set' | 'project';

/** The intervention that compiled changes come from. */
export interface Source {
  /** For messages, as in `intervention 3`. */
  readonly name: string;
  /** Digest of the intervention and its vectors: equal for equal ones. */
  readonly key: string;
  /** Is its strength a function, which may return another value each time? */
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
  /** [W]: 1 for changed channels, 0 for others. */
  readonly channels: Float32Array;
  /** [rows, W]; not with `scale`. With several rows, one for each of the positions. */
  readonly vector: Float32Array | undefined;
  readonly rows: number;
  readonly by: Strength;
  /** The strength that changes nothing. */
  readonly neutral: 0 | 1;
}

/** Replaces all numbers of a site in one pass: for sites without a row per token, and for integers. */
export interface Replacement {
  readonly source: Source;
  readonly site: string;
  readonly data: Float32Array;
}

/** Multiplies attention probabilities, by position and head. */
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
