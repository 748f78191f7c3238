/**
 * Interventions as data: changes of a model's values during a forward pass. A list of them is JSON; larger arrays are named vectors in a
 * safetensors file beside it. Interventions are applied in the order of the list.
 */
import type { Shape, TypedArray } from '../base/tensor.ts';

/** Numbers in the list itself, or the name of a vector. `{site}` in a name stands for the name of the site or state that is changed. */
export type Vector = readonly number[] | Float32Array | { readonly vector: string };

/** The argument of a function that returns a strength. */
export interface StrengthStep {
  /** Position of the last token that the step reads; the first of a text is 0. */
  readonly position: number;
  /** Index of the generated token that the step predicts; the first is 0. Negative while the prompt is being read. */
  readonly generated: number;
  /** All tokens up to this position. */
  readonly ids: readonly number[];
}

/** A number, or in JavaScript a function that returns it for each step. */
export type Strength = number | ((step: StrengthStep) => number);

/** Positions in the sequence: some, or a range whose end is exclusive. Negative ones count from the end of the prompt: -1 is its last token. */
export type Positions = readonly number[] | { readonly from?: number; readonly to?: number };

/** The positions and tokens to which an intervention applies; all without restrictions. */
export interface Where {
  readonly positions?: Positions;
  /** Only where one of these tokens is read. */
  readonly tokens?: readonly number[];
  /** The part of a generation for which it holds, in generated tokens: from the one that predicts token `from` on, and before `to`. */
  readonly from?: number;
  readonly to?: number;
}

interface Add {
  /** x + by * add */
  readonly add: Vector;
  readonly by?: Strength;
}

interface Scale {
  /** x * scale; 0 removes. */
  readonly scale: Strength;
}

interface SetTo {
  /** x + by * (set - x): with 1, the default, the vector itself. */
  readonly set: Vector;
  readonly by?: Strength;
}

interface Project {
  /** Subtracts `by` times the component of x along this direction. */
  readonly project: Vector;
  readonly by?: Strength;
}

/**
 * Changes the values of a site, [T, W] or [T, H, D]. A vector has W numbers (H * D for all heads), or D for the same in each head, or, where
 * `channels` are given, one for each of these. `set` also takes a row of W for each of the positions.
 */
export type SiteIntervention = Where & {
  /** Name of a site; `*` stands for any part, as in `blocks.*.residPost`. */
  readonly site: string;
  /** Numbers on the axis H. */
  readonly heads?: readonly number[];
  /** Numbers on the last axis. */
  readonly channels?: readonly number[];
} & (Add | Scale | SetTo | Project);

/**
 * Changes senses: `scale` multiplies how much a sense counts for all later predictions (Backpack paper, eq. 15; the weights are not normalised
 * again); `set` and `add` change the sense vectors themselves, [M] of one sense or [Z, M] of all. `positions` are those of the word.
 */
export type SenseIntervention = Omit<Where, 'tokens'> & {
  /** Of which word, and which sense of it; all when left out. */
  readonly senses: { readonly token?: number; readonly sense?: number };
} & (Add | SetTo | { readonly scale: Strength | ((step: StrengthStep) => Float32Array) });

/** Changes which experts are chosen, in some layers or in all. */
export type ExpertIntervention = Where & {
  readonly experts: readonly number[];
  readonly layers?: readonly number[];
} & (
    | { /** They are never chosen; the next best take their places. */ readonly disable: true }
    | { /** They are always chosen, with the weight that their scores give them. */ readonly force: true }
    | { /** Is added to their scores. */ readonly bias: Strength }
  );

/** Changes a recurrent state, before the token at position `at` is read. */
export interface StateIntervention {
  /** Name of a tensor of the state; `*` stands for any part, as in `blocks.*.ssmState`. */
  readonly state: string;
  readonly at: number;
  readonly scale?: number;
  /** All numbers of the tensor. A file that a state was saved in names them `state.<name>`. */
  readonly set?: Vector;
  /** Sets it to zero. */
  readonly reset?: true;
}

export type Intervention = SiteIntervention | SenseIntervention | ExpertIntervention | StateIntervention;

/** Numbers of a vector in row-major order: f32, or the bits of f16 or bf16. */
export interface VectorTensor {
  readonly shape: Shape;
  readonly dtype: string;
  readonly data: TypedArray;
}

/** A file of interventions, as JSON has it. */
export interface InterventionFile {
  readonly version: 1;
  /** A safetensors file, beside this one. */
  readonly vectors?: string;
  readonly interventions: readonly Intervention[];
}

/** The same with its vectors read. */
export interface InterventionSet {
  readonly version?: 1;
  readonly vectors?: ReadonlyMap<string, VectorTensor>;
  readonly interventions: readonly Intervention[];
}
