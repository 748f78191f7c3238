/** What every language model offers, and how a family introduces itself. */

import type { Shape, Tensor } from '../base/tensor.ts';
import type { Derived, Ops } from '../ops/index.ts';
import type { ConfigReader, JsonObject } from './config.ts';
import type { Pass } from './pass.ts';
import type { Weights } from './weights.ts';

/** A value that a tap can see. `axes` in the legend of tensor.ts. */
export interface Site {
  readonly name: string;
  readonly axes: string;
  readonly about: string;
}

/** A tensor that is remembered of each sequence. With `grows`, `shape` is that of one token's row. */
export interface StateTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly grows: boolean;
}

/** A tensor of numbers [..., J] that are multiplied or divided by a number [1], as ternary weights are. */
export interface ScaledTensor {
  readonly codes: Tensor;
  readonly scale: Tensor;
  readonly meaning: 'divide' | 'multiply';
}

/** Weights that analyses may read, under the name that the field has for them. `axes` in the legend of tensor.ts. */
export interface Parameter extends Site {
  readonly shape: Shape;
  readonly weight: Tensor | ScaledTensor | Derived;
}

/** The numbers that everything around a model needs. */
export interface ModelFacts {
  /** Rows of the embedding: ids from 0 to vocabSize - 1 can be read and come out. */
  readonly vocabSize: number;
  readonly dModel: number;
  readonly nLayers: number;
  /** Heads of queries; undefined where there is no attention. */
  readonly nHeads?: number | undefined;
  /** Positions the model was made for; undefined when it keeps a state of fixed size. */
  readonly contextLength: number | undefined;
}

/** What a branch adds to the residual stream. */
export interface ResidualWrite {
  /** The site of what is added, and what it is multiplied by. */
  readonly site: string;
  readonly by: number;
  /** The site [T, H, M] of what each head adds to it. */
  readonly heads?: string | undefined;
}

/** How logits come of the residual stream, by names of sites and of parameters: what is needed to take a logit apart. */
export interface ResidualStream {
  /** In order; their sum is `output`, up to rounding. */
  readonly writes: readonly ResidualWrite[];
  /** The site of what the final norm reads, [T, M]. */
  readonly output: string;
  /** Names of the parameters of the final norm; `layer` takes the mean away, `rms` does not. */
  readonly norm: {
    readonly kind: 'rms' | 'layer';
    readonly eps: number;
    readonly gain: string;
    readonly bias?: string | undefined;
  };
  /** The parameter [V, M] whose rows, times what the norm gives and `logitScale`, are the logits. */
  readonly head: string;
  readonly logitScale: number;
}

/** What comes of the embedding and all blocks. */
export interface Trunk {
  /** The residual stream after the last block, [T, M]. */
  readonly output: Tensor;
  /** The rest of the model, which reads it, or something in its place: x[T, M] -> hidden[T, M]. */
  readonly read: (x: Tensor) => Tensor;
}

/**
 * Several vectors of each token that depend on nothing but its id, such as the senses of a Backpack. What the head reads is their sum over
 * all tokens so far, weighted by the context.
 */
export interface Senses {
  /** Z, how many vectors a token has. */
  readonly count: number;
  /** Factor of the weighted sum. */
  readonly scale: number;
  /** The linear map, as Weights names it, that gives all vectors of a token at its end: weight [Z * M, J] and bias [Z * M]. */
  readonly output: string;
  /** ids[n] -> [n, Z, M] */
  vectors(ops: Ops, ids: Tensor): Tensor;
  /** Rows of the head: the score of a token is its row times what the head reads. ids[n] -> [n, M] */
  directions(ops: Ops, ids: Tensor): Tensor;
}

export interface LanguageModel {
  readonly facts: ModelFacts;
  readonly sites: readonly Site[];
  /** Weights that analyses may read. */
  readonly parameters: readonly Parameter[];
  readonly stateLayout: readonly StateTensor[];
  /** Undefined where tokens have no such vectors. */
  readonly senses?: Senses;
  /** Undefined where the head reads something else, such as a sum of sense vectors. */
  readonly residualStream?: ResidualStream | undefined;
  /** Reads the tokens of a batch as far as the last block; `read` may be called within the same pass, also more than once. */
  trunk(pass: Pass): Trunk;
  /** Reads the tokens of a batch -> hidden[T, M], what the head reads. */
  forward(pass: Pass): Tensor;
  /** hidden[T, M] -> logits[T, V] */
  logits(ops: Ops, hidden: Tensor): Tensor;
}

export interface Family<Config = unknown> {
  readonly name: string;
  /** Does this config.json describe one of ours? */
  matches(json: JsonObject): boolean;
  /** A config.json in another dialect, in the words of transformers. */
  translate?(json: JsonObject): JsonObject;
  /** Names and meanings of config.json -> ours. Throws CheckpointError. */
  configure(json: ConfigReader): Config;
  /** The one spelling that the model asks for, of a name as some checkpoint writes it; undefined for buffers without meaning. */
  rename(stored: string): string | undefined;
  /** Copies of a tensor that checkpoints store under a second name: copy -> original, both after `rename`. */
  copies(config: Config): Readonly<Record<string, string>>;
  /** The same model with a head of its own, or with the embedding as its head. */
  withHead?(config: Config, own: boolean): Config;
  /** Does the reference pass over a head that is stored under this name when the configuration ties it to the embedding? */
  ignoresTiedHead?(stored: string): boolean;
  /** Hub id whose tokenizer models of this family use when their checkpoint has none. */
  readonly usualTokenizer?: string;
  build(config: Config, weights: Weights): LanguageModel;
}
