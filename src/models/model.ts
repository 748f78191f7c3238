/** The interface of all language models, and that of a model family. */

import type { Shape, Tensor } from '../base/tensor.ts';
import type { Derived, Ops } from '../ops/index.ts';
import type { ConfigReader, JsonObject } from './config.ts';
import type { Pass } from './pass.ts';
import type { Weights } from './weights.ts';

/** A named value that taps can read and replace. `axes` as in the legend of tensor.ts. */
export interface Site {
  readonly name: string;
  readonly axes: string;
  readonly about: string;
}

/** A tensor of each sequence's state. With `grows`, `shape` is that of one token's row. */
export interface StateTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly grows: boolean;
}

/** A weight [..., J] stored as codes, to be multiplied or divided by a scale [1], such as ternary weights. */
export interface ScaledTensor {
  readonly codes: Tensor;
  readonly scale: Tensor;
  readonly meaning: 'divide' | 'multiply';
}

/** Weights that analyses may read, by the field's name for them. `axes` as in the legend of tensor.ts. */
export interface Parameter extends Site {
  readonly shape: Shape;
  readonly weight: Tensor | ScaledTensor | Derived;
}

/** The facts about a model that other code needs. */
export interface ModelFacts {
  /** Rows of the embedding: ids are 0 to vocabSize - 1, in inputs and outputs. */
  readonly vocabSize: number;
  readonly dModel: number;
  readonly nLayers: number;
  /** Number of query heads; undefined for a model without attention. */
  readonly nHeads?: number | undefined;
  /** Most positions the model supports; undefined for a recurrent model. */
  readonly contextLength: number | undefined;
}

/** A write of a branch to the residual stream. */
export interface ResidualWrite {
  /** The site of the value that is added, and the factor it is multiplied by. */
  readonly site: string;
  readonly by: number;
  /** The site [T, H, M] of what each head adds to it. */
  readonly heads?: string | undefined;
}

/** How logits are computed from the residual stream, by names of sites and parameters; needed to decompose a logit. */
export interface ResidualStream {
  /** In order; their sum is `output`, up to rounding. */
  readonly writes: readonly ResidualWrite[];
  /** The site of the final norm's input, [T, M]. */
  readonly output: string;
  /** Names of the parameters of the final norm; `layer` subtracts the mean, `rms` does not. */
  readonly norm: {
    readonly kind: 'rms' | 'layer';
    readonly eps: number;
    readonly gain: string;
    readonly bias?: string | undefined;
  };
  /** The parameter [V, M] by which the norm's output is multiplied; the products times `logitScale` are the logits. */
  readonly head: string;
  readonly logitScale: number;
}

/** The output of the embedding and all blocks. */
export interface Trunk {
  /** The residual stream after the last block, [T, M]. */
  readonly output: Tensor;
  /** The rest of the model before the head, for this or another input: x[T, M] -> hidden[T, M]. */
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
  /** Undefined when tokens have no such vectors. */
  readonly senses?: Senses;
  /** Undefined when the head reads something else, such as a sum of sense vectors. */
  readonly residualStream?: ResidualStream | undefined;
  /** Runs a batch up to the last block; `read` may be called several times within the same pass. */
  trunk(pass: Pass): Trunk;
  /** Runs a batch -> hidden[T, M], the input of the head. */
  forward(pass: Pass): Tensor;
  /** hidden[T, M] -> logits[T, V] */
  logits(ops: Ops, hidden: Tensor): Tensor;
}

export interface Family<Config = unknown> {
  readonly name: string;
  /** Does this config.json describe a model of this family? */
  matches(json: JsonObject): boolean;
  /** Translates a config.json of another dialect to the keys of transformers. */
  translate?(json: JsonObject): JsonObject;
  /** Reads the configuration. Throws CheckpointError. */
  configure(json: ConfigReader): Config;
  /** Maps a tensor name as stored in some checkpoint to the name that the model uses; undefined for buffers that are not needed. */
  rename(stored: string): string | undefined;
  /** The name under which transformers stores a tensor of the model; default the same. `rename` leads back. */
  storedName?(name: string): string;
  /** The name of a parameter in the modules of transformers, where it is not the one under which it is stored. */
  parameterName?(name: string): string;
  /** Duplicates that checkpoints store under a second name: copy -> original, both after `rename`. */
  copies(config: Config): Readonly<Record<string, string>>;
  /** The configuration with (`own`) or without a head separate from the embedding. */
  withHead?(config: Config, own: boolean): Config;
  /** Does the reference ignore a head stored under this name when the configuration ties it to the embedding? */
  ignoresTiedHead?(stored: string): boolean;
  /** The same model by the keys of its authors' own package, for engines that build on that; undefined where the package has no such model. */
  original?(config: Config): JsonObject | undefined;
  /** Hub id of the tokenizer for checkpoints of this family that have none. */
  readonly usualTokenizer?: string;
  build(config: Config, weights: Weights): LanguageModel;
}
