/** Reads declared parameters of a model as plain numbers, whatever their format. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { isPacked, rows, type Tensor } from '../base/tensor.ts';
import type { PackedBytes } from '../formats/format.ts';
import { toFloats } from '../formats/numbers.ts';
import type { Parameter } from '../models/model.ts';
import type { Ops } from '../ops/index.ts';

/** A range of rows of the first axis. */
export interface SomeRows {
  readonly first: number;
  readonly count: number;
}

/** The parameter of this name. Throws UsageError, with all names, when there is none. */
export function findParameter(parameters: readonly Parameter[], name: string): Parameter {
  const found = parameters.find((one) => one.name === name);
  if (found) return found;
  const some = [...new Set(parameters.map(({ name }) => name.replace(/\.\d+\./, '.*.')))].join(', ');
  throw new UsageError(`no parameter is called '${name}'. This model has: ${some || 'none'}.`);
}

/** All numbers of a parameter, or those of some rows, as f32 in row-major order. */
export async function readParameter(
  backend: Backend,
  ops: Ops,
  { weight }: Parameter,
  some?: SomeRows,
): Promise<Float32Array> {
  if ('compute' in weight) return numbersOf(backend, ops.derived(weight), some);
  if (!('codes' in weight)) return numbersOf(backend, weight, some);
  const [scale = 1] = await numbersOf(backend, weight.scale);
  const factor = weight.meaning === 'divide' ? 1 / scale : scale;
  return (await numbersOf(backend, weight.codes, some)).map((code) => code * factor);
}

async function numbersOf(backend: Backend, x: Tensor, some?: SomeRows): Promise<Float32Array> {
  const [, ...rest] = x.shape;
  const isWhole = isPacked(x.dtype) && !x.dtype.hasRows; // such a tensor cannot be read in part
  const part = some && !isWhole ? rows(x, some.first, some.first + some.count) : x;
  const data = await backend.read(part);
  const floats = isPacked(x.dtype) ? x.dtype.unpack(data as PackedBytes, part.shape) : toFloats(x.dtype, data);
  if (!some || !isWhole) return floats;
  const width = rest.reduce((product, n) => product * n, 1);
  return floats.slice(some.first * width, (some.first + some.count) * width);
}
