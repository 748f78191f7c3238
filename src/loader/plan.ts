/**
 * The plan of a model's weights, made before they are read. A model declares its weights, and the plan checks every name and shape against
 * the headers of the checkpoint. Memory is allocated and files are read only afterwards.
 */

import { CheckpointError, UsageError } from '../base/errors.ts';
import { byteSize, type ElementType, NOWHERE, type Shape, show, size, type Tensor } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { Format } from '../formats/format.ts';
import { matrixFormat } from '../formats/index.ts';
import { ternary } from '../formats/ternary.ts';
import type { ScaledTensor } from '../models/model.ts';
import type { DeclaredSite } from '../models/part.ts';
import type { RowPass } from '../models/pass.ts';
import type { Linear, Linears, MatrixOptions, Weights } from '../models/weights.ts';
import type { Derived } from '../ops/index.ts';
import { checkKeepsPacked, formatOf, keepsPacked, type WeightFormat, type WeightKind } from './formats.ts';
import { storedFormat } from './packed.ts';
import type { Unpacked } from './quantization.ts';

/** A tensor that is not allocated yet. */
export type Pending = { -readonly [K in keyof Tensor]: Tensor[K] };

/** The slice of a stored tensor that becomes one live tensor: output rows from `firstRow` on. */
export interface Slice {
  readonly target: Pending;
  readonly kind: WeightKind;
  readonly firstRow: number;
  readonly transposed: boolean;
}

/** A live tensor that is computed from others after loading. */
export interface Derivation extends Derived {
  readonly kept: Pending;
}

/** A ternary weight that is stored as plain numbers, and packed during loading. */
export interface Packing {
  readonly from: Exclude<Unpacked, 'foreign'>;
  readonly codes: Pending;
  /** mean|W| [1], computed for master weights; codes have a stored tensor for it. */
  readonly scale: Pending | undefined;
}

/** Set between passes; 0 rounds nothing, 1 wholly. See ops/round-in-training.ts. */
export interface Rounding {
  lambda: number;
}

export interface PlanOptions {
  readonly weights: WeightFormat;
  /** Are ternary products divided or multiplied by `weight_scale` in this checkpoint? */
  readonly ternaryScale: 'divide' | 'multiply';
  /** Epsilon of the RMS norm on the input of each ternary layer; undefined when there is none. */
  readonly ternaryNorm?: number | undefined;
  /** Kind of a ternary layer's weight that is stored as plain numbers; undefined when the layer is not ternary. */
  readonly unpacked?: (layer: string) => Unpacked | undefined;
  /** For quantisation-aware training: how far dense linear maps are rounded to 1.58 bits; undefined when they are not. */
  readonly rounding?: Rounding | undefined;
  /** Makes the error for a missing tensor. */
  readonly missing: (name: string, shape: Shape) => CheckpointError;
}

export class Plan {
  /** Stored tensors by the model's names. */
  readonly tensors: Map<string, StoredTensor>;
  /** The live tensors made of each stored tensor, by the model's name. */
  readonly slices = new Map<string, Slice[]>();
  /** Stored tensors that are packed during loading, by the model's name. */
  readonly packings = new Map<string, Packing>();
  readonly derivations: Derivation[] = [];
  /** This library's packed formats among the stored tensors. */
  readonly storedFormats = new Set<Format>();
  /** Duplicate tensors in the checkpoint: [copy, original]. */
  readonly copies: [StoredTensor, StoredTensor][] = [];
  /** Names of duplicates -> name of the tensor that they duplicate. */
  readonly copyOf: Readonly<Record<string, string>>;
  readonly #options: PlanOptions;

  /** `tensors`: stored tensors by the model's names. `copies`: name -> name of the tensor it duplicates. */
  constructor(
    tensors: ReadonlyMap<string, StoredTensor>,
    copies: Readonly<Record<string, string>>,
    options: PlanOptions,
  ) {
    this.#options = options;
    this.copyOf = copies;
    this.tensors = new Map(tensors);
    for (const [copy, original] of Object.entries(copies)) {
      const second = this.tensors.get(copy);
      if (!second) continue;
      const first = this.tensors.get(original);
      this.tensors.delete(copy);
      if (first) this.copies.push([second, first]);
      else this.tensors.set(original, second);
    }
  }

  get weights(): Weights {
    return this.#folder('');
  }

  /** Bytes of all live tensors. */
  get bytes(): number {
    return this.#targets.reduce((sum, { shape, dtype }) => sum + byteSize(shape, dtype), 0);
  }

  get #targets(): Pending[] {
    const packed = [...this.packings.values()].flatMap(({ codes, scale }) => (scale ? [codes, scale] : [codes]));
    const made = [...this.slices.values()].flat().map(({ target }) => target);
    return [...made, ...this.derivations.map(({ kept }) => kept), ...packed];
  }

  /** Bytes of temporary buffers during loading. */
  get passingBytes(): number {
    return Math.max(0, ...[...this.packings.keys()].map((name) => this.tensors.get(name)?.byteLength ?? 0));
  }

  /** The largest live tensor; undefined when there is none. Ternary ones are not considered: they are always smaller than others. */
  get largest(): { readonly name: string; readonly target: Pending } | undefined {
    const all = [...this.slices].flatMap(([name, slices]) => slices.map(({ target }) => ({ name, target })));
    const bytes = ({ target }: (typeof all)[number]) => byteSize(target.shape, target.dtype);
    return all.reduce<(typeof all)[number] | undefined>((a, b) => (a && bytes(a) >= bytes(b) ? a : b), undefined);
  }

  /** Throws UsageError when the format does not suit the checkpoint. */
  finish(): void {
    const { weights } = this.#options;
    if (this.#lacks(weights)) {
      throw new UsageError(
        `this checkpoint has no ${weights} layers: '${weights}' is for models that were trained with them; take q8 or q4.`,
      );
    }
  }

  /** Does the model read this tensor? `name`: the model's name for it. */
  reads(name: string): boolean {
    return this.slices.has(name) || this.packings.has(name);
  }

  /** Tensors of the checkpoint that the model does not use. */
  get unread(): StoredTensor[] {
    return [...this.tensors].flatMap(([name, tensor]) => (this.reads(name) ? [] : [tensor]));
  }

  /** Is this a format that plain numbers cannot be packed into, and in which no weight is stored? */
  #lacks(weights: WeightFormat): boolean {
    const format = matrixFormat(weights);
    if (!format || format.part) return false;
    return !this.#targets.some(({ dtype }) => dtype === format);
  }

  /** Can the weights of this checkpoint be loaded in this format? */
  suits(weights: WeightFormat): boolean {
    return !this.#lacks(weights) && [...this.storedFormats].every((stored) => keepsPacked(stored, weights));
  }

  #folder(prefix: string): Weights {
    const named = (name: string) => prefix + name;
    return {
      at: (folder) => this.#folder(`${prefix}${folder}.`),
      has: (name) => this.tensors.has(named(name)),
      list: (folder, count, make) => this.#list(`${prefix}${folder}.`, count, make),
      tensor: (name, shape, stored = shape) => this.#ask(named(name), stored, shape, 'vector'),
      table: (name, rows, width) => this.#ask(named(name), [rows, width], [rows, width], 'table'),
      experts: (name, shape) => this.#ask(named(name), shape, shape, 'experts'),
      linear: (name, dIn, dOut, options) => single(this.#linears([named(name)], dIn, [dOut], options)),
      linears: (names, dIn, dOuts, options) => this.#linears(names.map(named), dIn, dOuts, options),
      split: (name, dIn, dOuts, options) => this.#split(named(name), dIn, dOuts, options),
      derived: (shape, compute) => {
        const derived: Derivation = { kept: { shape, dtype: 'f32', place: NOWHERE, offset: 0 }, compute };
        this.derivations.push(derived);
        return derived;
      },
    };
  }

  /** Not allocated in advance, since the count of layers comes from config.json: an untrue one fails at the first missing tensor. */
  #list<T>(prefix: string, count: number, make: (w: Weights, i: number) => T): T[] {
    const made: T[] = [];
    for (let i = 0; i < count; i++) made.push(make(this.#folder(`${prefix}${i}.`), i));
    return made;
  }

  #ask(name: string, stored: Shape, shape: Shape, kind: WeightKind): Tensor {
    const { dtype } = this.#format(name, stored, kind, [shape]);
    return this.#claim(name, { kind, firstRow: 0, transposed: false }, shape, dtype);
  }

  /** The format in memory of tensors of these shapes, which are stored together: as plain numbers of shape `stored`, or packed. */
  #format(name: string, stored: Shape, kind: WeightKind, shapes: readonly Shape[]) {
    const tensor = this.tensors.get(name);
    if (tensor?.dtype === 'U8' && kind !== 'vector') {
      const dtype = storedFormat(tensor, shapes);
      checkKeepsPacked(tensor.name, dtype, this.#options.weights);
      this.storedFormats.add(dtype);
      return { dtype, packed: true };
    }
    const numbers = this.#find(name, stored);
    return { dtype: formatOf(kind, numbers.name, numbers.dtype, this.#options.weights), packed: false };
  }

  #find(name: string, shape: Shape): StoredTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw this.#options.missing(name, shape);
    if (size(tensor.shape) !== size(shape) || show(tensor.shape) !== show(shape)) {
      throw new CheckpointError(
        `'${tensor.name}' is ${show(tensor.shape)} in the checkpoint, but config.json makes it ${show(shape)}.`,
      );
    }
    return tensor;
  }

  #claim(name: string, slice: Omit<Slice, 'target'>, shape: Shape, dtype: ElementType): Tensor {
    const target: Pending = { shape, dtype, place: NOWHERE, offset: 0 };
    const slices = this.slices.get(name) ?? [];
    this.slices.set(name, [...slices, { ...slice, target }]);
    return target;
  }

  /** Kind of a ternary layer's weight that is stored as plain numbers; undefined for all other layers. */
  #packingOf(name: string): Packing['from'] | undefined {
    const weight = this.tensors.get(`${name}.weight`);
    const use = weight && weight.dtype !== 'U8' ? this.#options.unpacked?.(name) : undefined;
    return use === 'foreign' ? undefined : use;
  }

  /** Throws when the configuration makes a layer ternary but its weight is stored as plain numbers of no known meaning. */
  #checkDense(name: string): void {
    const weight = this.tensors.get(`${name}.weight`);
    if (!weight || weight.dtype === 'U8' || this.#options.unpacked?.(name) === undefined) return;
    throw new CheckpointError(
      `'${weight.name}' is ${weight.dtype}, but quantization_config in config.json makes its layer ternary, which is stored packed (U8). ` +
        `If these are plain weights, remove quantization_config from config.json.`,
    );
  }

  /** Ternary layers are recognised by type U8 and a scale, not by the configuration. Other packed formats have three axes and no scale. */
  #isTernary(name: string): boolean {
    const weight = this.tensors.get(`${name}.weight`);
    if (weight?.dtype !== 'U8') return this.#packingOf(name) !== undefined;
    if (this.tensors.has(`${name}.weight_scale`)) return true;
    if (weight.shape.length === 3) return false;
    throw new CheckpointError(
      `'${weight.name}' is U8, as packed ternary weights are, but the checkpoint has no '${name}.weight_scale'.`,
    );
  }

  #linears(names: readonly string[], dIn: number, dOuts: readonly number[], options: MatrixOptions = {}): Linears {
    const marked = names.filter((name) => this.#isTernary(name));
    if (marked.length === 0) {
      for (const name of names) this.#checkDense(name);
      const matrices = names.map((name, i) => this.#dense(name, dIn, [dOuts[i] as number], options)[0] as Dense);
      const { rounding, ternaryNorm } = this.#options;
      if (!rounding) return denseLinears(matrices);
      if (ternaryNorm === undefined) return roundedLinears(matrices, rounding);
      return normedRoundedLinears(matrices, this.#innerNorms(names, dIn), ternaryNorm, rounding);
    }
    const storedAs = (name: string) => this.tensors.get(`${name}.weight`)?.dtype ?? 'missing';
    const isPacked = (name: string) => storedAs(name) === 'U8';
    const first = marked.find(isPacked) ?? (marked[0] as string);
    const other = names.find((name) => !marked.includes(name) || isPacked(name) !== isPacked(first));
    if (other !== undefined) {
      throw new CheckpointError(
        `'${other}.weight' is ${storedAs(other)}, but '${first}.weight' is ${isPacked(first) ? 'packed ' : ''}ternary; they read one input, ` +
          `so all must be or none.`,
      );
    }
    const matrices = names.map((name, i) => this.#ternary(name, dIn, dOuts[i] as number, options));
    const { ternaryScale, ternaryNorm } = this.#options;
    if (ternaryNorm === undefined) return ternaryLinears(matrices, ternaryScale, options.reads);
    return normedTernaryLinears(matrices, this.#innerNorms(names, dIn), ternaryNorm, ternaryScale);
  }

  #innerNorms(names: readonly string[], dIn: number): Tensor[] {
    return names.map((name) => this.#ask(`${name}.rms_norm.weight`, [dIn], [dIn], 'vector'));
  }

  #split(name: string, dIn: number, dOuts: readonly number[], options: MatrixOptions = {}): Linears {
    if (this.#isTernary(name) || this.#options.unpacked?.(name))
      throw new CheckpointError(`'${name}.weight' is ternary and fused; only separate ternary layers are supported.`);
    if (this.#options.rounding) {
      throw new UsageError(
        `'${name}.weight' is several linear maps in one matrix, which cannot be rounded each by its own scale: lambda is for models with separate ones.`,
      );
    }
    return denseLinears(this.#dense(name, dIn, dOuts, options));
  }

  /** Divides the rows of one stored matrix among `dOuts`. */
  #dense(
    name: string,
    dIn: number,
    dOuts: readonly number[],
    { transposed = false, bias = false }: MatrixOptions,
  ): Dense[] {
    const dOut = dOuts.reduce((sum, n) => sum + n, 0);
    const shapes = dOuts.map((rows) => [rows, dIn]);
    const stored = transposed ? [dIn, dOut] : [dOut, dIn];
    const { dtype, packed } = this.#format(`${name}.weight`, stored, 'matrix', shapes);
    if (bias) {
      const vector = this.#find(`${name}.bias`, [dOut]);
      formatOf('vector', vector.name, vector.dtype, this.#options.weights); // throws on integers
    }
    let firstRow = 0;
    return shapes.map((shape) => {
      const [rows] = shape as [number, number];
      const place = { firstRow, transposed: transposed && !packed }; // packed ones are stored as [out, in]
      const w = this.#claim(`${name}.weight`, { kind: 'matrix', ...place }, shape, dtype);
      const b = bias
        ? this.#claim(`${name}.bias`, { kind: 'vector', firstRow, transposed: false }, [rows], 'f32')
        : undefined;
      firstRow += rows;
      return { w, b };
    });
  }

  #ternary(name: string, dIn: number, dOut: number, { bias = false }: MatrixOptions): Ternary {
    const from = this.#packingOf(name);
    const { w, wScale = this.#ternaryScale(name) } = from
      ? this.#packing(`${name}.weight`, dIn, dOut, from)
      : this.#packed(`${name}.weight`, dIn, dOut);
    return { w, wScale, b: bias ? this.#ask(`${name}.bias`, [dOut], [dOut], 'vector') : undefined };
  }

  #ternaryScale(name: string): Tensor {
    const shape = this.tensors.get(`${name}.weight_scale`)?.shape.length === 0 ? [] : [1];
    return this.#ask(`${name}.weight_scale`, shape, [1], 'vector');
  }

  #packed(name: string, dIn: number, dOut: number): { w: Tensor; wScale?: Tensor } {
    this.#find(name, [Math.ceil(dOut / 4), dIn]);
    return { w: this.#claim(name, { kind: 'matrix', firstRow: 0, transposed: false }, [dOut, dIn], ternary) };
  }

  #packing(name: string, dIn: number, dOut: number, from: Packing['from']): { w: Tensor; wScale?: Tensor } {
    const stored = this.#find(name, [dOut, dIn]);
    formatOf('vector', stored.name, stored.dtype, this.#options.weights); // throws on integers
    const codes: Pending = { shape: [dOut, dIn], dtype: ternary, place: NOWHERE, offset: 0 };
    const scale: Pending | undefined =
      from === 'masters' ? { shape: [1], dtype: 'f32', place: NOWHERE, offset: 0 } : undefined;
    this.packings.set(name, { from, codes, scale });
    return scale ? { w: codes, wScale: scale } : { w: codes };
  }
}

interface Dense {
  readonly w: Tensor;
  readonly b: Tensor | undefined;
}

interface Ternary extends Dense {
  readonly wScale: Tensor;
}

const denseLinears = (matrices: readonly Dense[]): Linears => {
  const ws = matrices.map(({ w }) => w);
  const biases = matrices.flatMap(({ b }) => (b ? [b] : []));
  const alike = ws.every(({ dtype }) => dtype === ws[0]?.dtype);
  const apply = ({ ops }: RowPass, x: Tensor) =>
    alike ? ops.linears(x, ws, biases) : matrices.map(({ w, b }) => ops.linear(x, w, b));
  return Object.assign(apply, { weights: ws });
};

/** Linear maps in quantisation-aware training: both factors are moved towards their 1.58-bit values. */
export const roundedLinears = (matrices: readonly Dense[], rounding: Rounding): Linears => {
  const apply = (pass: RowPass, x: Tensor) => {
    const { lambda } = rounding;
    const rounded = matrices.map(({ w, b }) => ({ w: pass.ops.trainTernary(w, lambda), b }));
    return denseLinears(rounded)(pass, pass.ops.trainInt8(x, lambda));
  };
  return Object.assign(apply, { weights: matrices.map(({ w }) => w) });
};

/** The same where each map has a norm for its input. */
export const normedRoundedLinears = (
  matrices: readonly Dense[],
  norms: readonly Tensor[],
  eps: number,
  rounding: Rounding,
): Linears => {
  const maps = matrices.map((matrix) => roundedLinears([matrix], rounding));
  const apply = (pass: RowPass, x: Tensor) =>
    maps.map((map, i) => map(pass, pass.ops.rmsNorm(x, norms[i] as Tensor, eps))[0] as Tensor);
  return Object.assign(apply, { weights: matrices.map(({ w }) => w) });
};

/** The input, whose site is `reads`, is quantised once for all matrices. */
const ternaryLinears = (
  matrices: readonly Ternary[],
  meaning: 'divide' | 'multiply',
  reads: DeclaredSite | undefined,
): Linears => {
  const ws = matrices.map(({ w }) => w);
  const scales = matrices.map(({ wScale }) => wScale);
  const biases = matrices.flatMap(({ b }) => (b ? [b] : []));
  const codes = reads?.beside('Int8', '[T, J]', `${reads.name.split('.').at(-1)} as the ternary layers read it, int8`);
  const factors = reads?.beside('Scale', '[T]', `127 / max|${reads.name.split('.').at(-1)}| of each token`);
  const apply = ({ ops, show }: RowPass, x: Tensor) => {
    const [q0, s0] = ops.quantizeRows(x);
    const q = codes ? show(codes, q0) : q0; // [T, J]
    const s = factors ? show(factors, s0) : s0; // [T]
    return ops.linearsTernary(q, s, ws, scales, meaning, biases);
  };
  return Object.assign(apply, { weights: scaledTensors(matrices, meaning) });
};

const scaledTensors = (matrices: readonly Ternary[], meaning: 'divide' | 'multiply'): ScaledTensor[] =>
  matrices.map(({ w, wScale }) => ({ codes: w, scale: wScale, meaning }));

/** Each matrix has its own norm for the input, so the input is quantised separately for each. These values have no sites. */
function normedTernaryLinears(
  matrices: readonly Ternary[],
  norms: readonly Tensor[],
  eps: number,
  meaning: 'divide' | 'multiply',
): Linears {
  const apply = ({ ops }: RowPass, x: Tensor) =>
    matrices.map(({ w, wScale, b }, i) => {
      const [q, s] = ops.quantizeRows(ops.rmsNorm(x, norms[i] as Tensor, eps));
      return ops.linearsTernary(q, s, [w], [wScale], meaning, b ? [b] : [])[0] as Tensor;
    });
  return Object.assign(apply, { weights: scaledTensors(matrices, meaning) });
}

function single(linears: Linears): Linear {
  const [weight] = linears.weights as [Tensor];
  return Object.assign((pass: RowPass, x: Tensor) => linears(pass, x)[0] as Tensor, { weight });
}
