/** The matrices of an adapter in the memory of a backend, as f32. */
import type { Backend } from '../backends/backend.ts';
import { CheckpointError } from '../base/errors.ts';
import { isPacked, type Shape, size, type Tensor } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { type SourceDType, toFloats, view } from '../formats/numbers.ts';
import { SOURCE } from '../loader/fill.ts';
import type { Plan } from '../loader/plan.ts';
import type { Changes, LowRank } from './adapted.ts';
import type { AdapterFile } from './file.ts';
import { moduleOf, type Target } from './target.ts';

/** Rows of packed experts that are stored together. */
const PACKED_ROWS = 16;

/** Shapes of A and B in memory. */
export const shapesOf = ({ dIn, dOut, experts }: Target, rank: number): { readonly a: Shape; readonly b: Shape } =>
  experts === undefined ? { a: [rank, dIn], b: [dOut, rank] } : { a: [experts, rank, dIn], b: [experts, dOut, rank] };

/** Throws CheckpointError when the maps of these experts cannot be run one by one in their weight format. */
export function checkRuns(target: Target): void {
  const packed = target.parts.find(({ weight }) => isPacked(weight.dtype));
  if (target.experts !== undefined && packed && (target.dOut / 2) % PACKED_ROWS !== 0)
    throw new CheckpointError(
      `the experts of ${moduleOf(target)} are too narrow for an adapter on packed weights: load the model with weights bf16 or f32.`,
    );
}

/** The norms that stand between the input of a layer and its rounding. */
export function innerNorms(plan: Plan, targets: readonly Target[]): Set<Tensor> {
  const gains = targets.map(({ name }) => plan.slices.get(name.replace(/weight$/, 'rms_norm.weight'))?.[0]?.target);
  return new Set(gains.flatMap((gain) => (gain ? [gain] : [])));
}

/** Reads stored numbers as f32. */
export async function floatsOf({ dtype, byteLength, read }: StoredTensor): Promise<Float32Array> {
  const bytes = new Uint8Array(byteLength);
  await read(0, bytes);
  const source = SOURCE[dtype] as SourceDType;
  return toFloats(source, view(source, bytes));
}

/** B of experts, from PEFT's order [N, r, X] to [X, N, r]. */
export function expertsFirst(b: Float32Array, [experts, rows, rank]: readonly [number, number, number]): Float32Array {
  const out = new Float32Array(b.length);
  for (let n = 0; n < rows; n++)
    for (let r = 0; r < rank; r++)
      for (let x = 0; x < experts; x++) out[(x * rows + n) * rank + r] = b[(n * rank + r) * experts + x] as number;
  return out;
}

/** The inverse of `expertsFirst`. */
export function expertsLast(b: Float32Array, [experts, rows, rank]: readonly [number, number, number]): Float32Array {
  const out = new Float32Array(b.length);
  for (let n = 0; n < rows; n++)
    for (let r = 0; r < rank; r++)
      for (let x = 0; x < experts; x++) out[(n * rank + r) * experts + x] = b[(x * rows + n) * rank + r] as number;
  return out;
}

/** Live memory of one adapter. */
export class LiveTensors {
  readonly #backend: Backend;
  readonly #all: Tensor[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Zeros. */
  allocate(shape: Shape): Tensor {
    const x = this.#backend.allocate(shape, 'f32');
    this.#all.push(x);
    return x;
  }

  /** Not within a step. */
  async make(shape: Shape, numbers: Float32Array): Promise<Tensor> {
    return this.fill(this.allocate(shape), numbers);
  }

  /** Not within a step. */
  async fill(x: Tensor, numbers: Float32Array): Promise<Tensor> {
    const { shape } = x;
    if (size(shape) === 0) return x;
    const columns = shape.at(-1) as number;
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    const block = { row: 0, column: 0, rows: size(shape) / columns, columns, dtype: 'f32' as const };
    await this.#backend.fill(x, { ...block, bytes, transposed: false });
    return x;
  }

  free(): void {
    for (const x of this.#all.splice(0)) this.#backend.free(x);
  }
}

/** Reads the matrices of an adapter. `seen` gets all numbers in order. */
export async function readChanges(
  file: AdapterFile,
  plan: Plan,
  memory: LiveTensors,
  seen: (numbers: Float32Array) => void,
): Promise<Changes> {
  for (const { target } of file.changes) checkRuns(target);
  const numbersOf = async (stored: StoredTensor) => {
    const numbers = await floatsOf(stored);
    seen(numbers);
    return numbers;
  };
  const changes: LowRank[] = [];
  for (const { target, rank, scale, a, b } of file.changes) {
    const shapes = shapesOf(target, rank);
    const [down, up] = [await numbersOf(a), await numbersOf(b)];
    const ordered = target.experts === undefined ? up : expertsFirst(up, shapes.b as [number, number, number]);
    changes.push({
      ...{ target, rank, scale },
      a: await memory.make(shapes.a, down),
      b: await memory.make(shapes.b, ordered),
    });
  }
  const replaced = [];
  for (const { target, weight } of file.replaced)
    replaced.push({ target, weight: await memory.make([target.dOut, target.dIn], await numbersOf(weight)) });
  return {
    changes,
    replaced,
    innerNorms: innerNorms(
      plan,
      changes.map(({ target }) => target),
    ),
  };
}
