/** A model as its config.json declares it, without a checkpoint: names and shapes of its tensors, for new models and estimates. */
import { UsageError } from '../base/errors.ts';
import { NOWHERE, type Shape, type Tensor } from '../base/tensor.ts';
import { ConfigReader, type JsonObject } from '../models/config.ts';
import { familyOf } from '../models/index.ts';
import type { LanguageModel } from '../models/model.ts';
import type { RowPass } from '../models/pass.ts';
import type { MatrixOptions, Weights } from '../models/weights.ts';
import type { OnWarning } from './open.ts';
import { normedRoundedLinears, roundedLinears } from './plan.ts';

export interface DeclaredTensor {
  /** As transformers stores it. */
  readonly name: string;
  /** In the modules of transformers, where that is another name. */
  readonly parameterName?: string | undefined;
  /** As stored. */
  readonly shape: Shape;
  /** What it is: `table` an embedding, `vector` what is never rounded, such as norms and biases. */
  readonly kind: 'matrix' | 'table' | 'vector' | 'experts';
  /** Numbers by which one output is multiplied. */
  readonly fanIn: number;
  /** The tensors of the model that are made of it, without memory: several where a model divides a stored matrix. */
  readonly live: readonly Tensor[];
}

export interface DeclaredModel {
  readonly family: string;
  readonly model: LanguageModel;
  /** In the order in which the model declares them; a table that is also the head appears once. */
  readonly tensors: readonly DeclaredTensor[];
  /** The model by the keys of its authors' own package; undefined where that has no such model. */
  readonly original: JsonObject | undefined;
}

export interface DeclareOptions {
  /** Has each linear map a norm for its input, as `use_rms_norm` of 1.58-bit models? */
  readonly innerNorm?: boolean | undefined;
  /** How far linear maps are rounded in training; undefined where they are not. */
  readonly lambda?: unknown;
}

/** Throws CheckpointError for a config.json that no family understands, UsageError for one of packed weights. */
export function declareModel(
  json: JsonObject,
  onWarning?: OnWarning,
  { innerNorm = false, lambda }: DeclareOptions = {},
): DeclaredModel {
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
    folder(
      '',
      (tensor) =>
        tensors.push({ ...tensor, name: stored(tensor.name), parameterName: family.parameterName?.(tensor.name) }),
      { innerNorm, rounds: lambda !== undefined },
    ),
  );
  return { family: family.name, model, tensors, original: family.original?.(facts) };
}

const placed = (shape: Shape): Tensor => ({ shape, dtype: 'f32', place: NOWHERE, offset: 0 });

/** What stands before a linear map in training. */
interface BeforeMaps {
  readonly innerNorm: boolean;
  readonly rounds: boolean;
}

/** Weights that only write down what is asked for. */
function folder(prefix: string, add: (tensor: DeclaredTensor) => void, before: BeforeMaps): Weights {
  const tell = (name: string, shape: Shape, kind: DeclaredTensor['kind'], fanIn: number, live: readonly Tensor[]) =>
    add({ name: prefix + name, shape, kind, fanIn, live });
  const single = (name: string, shape: Shape, kind: DeclaredTensor['kind'], fanIn: number, live = shape): Tensor => {
    const tensor = placed(live);
    tell(name, shape, kind, fanIn, [tensor]);
    return tensor;
  };
  /** One stored matrix, divided into `dOuts`. */
  const matrix = (name: string, dIn: number, dOuts: readonly number[], options: MatrixOptions = {}): Dense[] => {
    const dOut = dOuts.reduce((sum, n) => sum + n, 0);
    const parts = dOuts.map((n) => ({ w: placed([n, dIn]), b: options.bias ? placed([n]) : undefined }));
    const shape = options.transposed ? [dIn, dOut] : [dOut, dIn];
    tell(
      `${name}.weight`,
      shape,
      'matrix',
      dIn,
      parts.map(({ w }) => w),
    );
    const biases = parts.flatMap(({ b }) => (b ? [b] : []));
    if (biases.length > 0) tell(`${name}.bias`, [dOut], 'vector', dIn, biases);
    const gain = before.innerNorm ? single(`${name}.rms_norm.weight`, [dIn], 'vector', dIn) : undefined;
    return parts.map((part) => ({ ...part, gain }));
  };
  return {
    at: (name) => folder(`${prefix}${name}.`, add, before),
    has: () => false,
    list: (name, count, make) =>
      Array.from({ length: count }, (_, i) => make(folder(`${prefix}${name}.${i}.`, add, before), i)),
    tensor: (name, shape, stored = shape) => {
      const fanIn = stored.length > 1 ? stored.slice(1).reduce((n, d) => n * d, 1) : (stored[0] ?? 1);
      return single(name, stored, 'vector', fanIn, shape);
    },
    table: (name, rows, width) => single(name, [rows, width], 'table', width),
    experts: (name, shape) => single(name, shape, 'experts', shape[2]),
    linear: (name, dIn, dOut, options) => {
      const map = together(matrix(name, dIn, [dOut], options), before);
      return Object.assign((pass: RowPass, x: Tensor) => map(pass, x)[0] as Tensor, {
        weight: map.weights[0] as Tensor,
      });
    },
    linears: (names, dIn, dOuts, options) =>
      together(
        names.flatMap((name, i) => matrix(name, dIn, [dOuts[i] as number], options)),
        before,
      ),
    split: (name, dIn, dOuts, options) => together(matrix(name, dIn, dOuts, options), before),
    derived: (shape, compute) => ({ kept: placed(shape), compute }),
  };
}

interface Dense {
  readonly w: Tensor;
  readonly b: Tensor | undefined;
  /** Of the norm for its input. */
  readonly gain?: Tensor | undefined;
}

/** Neither changes a shape. */
const [EPS, ROUNDING] = [0, { lambda: 1 }];

function together(parts: readonly Dense[], { rounds }: BeforeMaps) {
  const gains = parts.flatMap(({ gain }) => (gain ? [gain] : []));
  if (rounds)
    return gains.length > 0 ? normedRoundedLinears(parts, gains, EPS, ROUNDING) : roundedLinears(parts, ROUNDING);
  const weights = parts.map(({ w }) => w);
  const biases = parts.flatMap(({ b }) => (b ? [b] : []));
  return Object.assign(({ ops }: RowPass, x: Tensor) => ops.linears(x, weights, biases), { weights });
}
