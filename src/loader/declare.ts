/** A model as its config.json declares it, without a checkpoint: names and shapes of its tensors, for new models and estimates. */
import { UsageError } from '../base/errors.ts';
import { NOWHERE, type Shape, type Tensor } from '../base/tensor.ts';
import { ConfigReader, type JsonObject } from '../models/config.ts';
import { familyOf } from '../models/index.ts';
import type { LanguageModel } from '../models/model.ts';
import type { RowPass } from '../models/pass.ts';
import type { Linears, MatrixOptions, Weights } from '../models/weights.ts';
import type { OnWarning } from './open.ts';

export interface DeclaredTensor {
  /** As transformers stores it. */
  readonly name: string;
  /** As stored. */
  readonly shape: Shape;
  /** What it is: `table` an embedding, `vector` what is never rounded, such as norms and biases. */
  readonly kind: 'matrix' | 'table' | 'vector' | 'experts';
  /** Numbers by which one output is multiplied. */
  readonly fanIn: number;
}

export interface DeclaredModel {
  readonly family: string;
  readonly model: LanguageModel;
  /** In the order in which the model declares them; a table that is also the head appears once. */
  readonly tensors: readonly DeclaredTensor[];
}

/** Throws CheckpointError for a config.json that no family understands, UsageError for one of packed weights. */
export function declareModel(json: JsonObject, onWarning?: OnWarning): DeclaredModel {
  if (json.quantization_config !== undefined && json.quantization_config !== null)
    throw new UsageError(
      'config.json has a quantization_config, but a new model begins with plain weights: remove it; a ternary model is trained with "lambda".',
    );
  const family = familyOf(json);
  const config = family.translate?.(json) ?? json;
  const reader = new ConfigReader(config);
  const facts = family.configure(reader);
  reader.finish(onWarning);
  const tensors: DeclaredTensor[] = [];
  const stored = (name: string) => family.storedName?.(name) ?? name;
  const model = family.build(
    facts,
    folder('', (tensor) => tensors.push({ ...tensor, name: stored(tensor.name) })),
  );
  return { family: family.name, model, tensors };
}

const placed = (shape: Shape): Tensor => ({ shape, dtype: 'f32', place: NOWHERE, offset: 0 });

/** Weights that only write down what is asked for. */
function folder(prefix: string, add: (tensor: DeclaredTensor) => void): Weights {
  const tell = (name: string, shape: Shape, kind: DeclaredTensor['kind'], fanIn: number) =>
    add({ name: prefix + name, shape, kind, fanIn });
  const matrix = (
    name: string,
    dIn: number,
    dOut: number,
    { transposed = false, bias = false }: MatrixOptions = {},
  ) => {
    tell(`${name}.weight`, transposed ? [dIn, dOut] : [dOut, dIn], 'matrix', dIn);
    if (bias) tell(`${name}.bias`, [dOut], 'vector', dIn);
  };
  return {
    at: (name) => folder(`${prefix}${name}.`, add),
    has: () => false,
    list: (name, count, make) =>
      Array.from({ length: count }, (_, i) => make(folder(`${prefix}${name}.${i}.`, add), i)),
    tensor: (name, shape, storedShape = shape) => {
      const fanIn = storedShape.length > 1 ? storedShape.slice(1).reduce((n, d) => n * d, 1) : (storedShape[0] ?? 1);
      tell(name, storedShape, 'vector', fanIn);
      return placed(shape);
    },
    table: (name, rows, width) => {
      tell(name, [rows, width], 'table', width);
      return placed([rows, width]);
    },
    experts: (name, shape) => {
      tell(name, shape, 'experts', shape[2]);
      return placed(shape);
    },
    linear: (name, dIn, dOut, options) => {
      matrix(name, dIn, dOut, options);
      const { weights, apply } = linears(dIn, [dOut], options);
      return Object.assign((pass: RowPass, x: Tensor) => apply(pass, x)[0] as Tensor, { weight: weights[0] as Tensor });
    },
    linears: (names, dIn, dOuts, options) => {
      names.forEach((name, i) => {
        matrix(name, dIn, dOuts[i] as number, options);
      });
      const { weights, apply } = linears(dIn, dOuts, options);
      return Object.assign(apply, { weights });
    },
    split: (name, dIn, dOuts, options) => {
      matrix(
        name,
        dIn,
        dOuts.reduce((sum, n) => sum + n, 0),
        options,
      );
      const { weights, apply } = linears(dIn, dOuts, options);
      return Object.assign(apply, { weights });
    },
    derived: (shape, compute) => ({ kept: placed(shape), compute }),
  };
}

function linears(dIn: number, dOuts: readonly number[], { bias = false }: MatrixOptions = {}) {
  const weights = dOuts.map((dOut) => placed([dOut, dIn]));
  const biases = bias ? dOuts.map((dOut) => placed([dOut])) : [];
  const apply = ({ ops }: Parameters<Linears>[0], x: Tensor) => ops.linears(x, weights, biases);
  return { weights, apply };
}
