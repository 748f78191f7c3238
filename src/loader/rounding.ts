/** Measures the rounding error of a format: compares some rows of each live tensor with the stored weights. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { isPacked, reshape, rows, size, type Tensor } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { PackedBytes } from '../formats/format.ts';
import { type SourceDType, toFloats, view } from '../formats/numbers.ts';
import { partName } from './describe.ts';
import { type Filled, SOURCE } from './fill.ts';
import type { Plan, Slice } from './plan.ts';

/** Number of groups of rows compared in each live tensor, spread evenly, and rows in a group. */
const SAMPLED_GROUPS = 8;
const GROUP_ROWS = 16;

/** Bytes read at a time of a matrix stored as [in, out], whose output rows are not contiguous. */
const CHUNK_BYTES = 1 << 21;

export interface RoundedPart {
  /** A tensor name, with `*` for the number of a layer. */
  readonly name: string;
  readonly stored: string;
  readonly kept: string;
  readonly weights: number;
  /** Number of weights compared. */
  readonly compared: number;
  /** Root mean square of the differences over that of the stored weights. */
  readonly relativeError: number;
}

interface Sums {
  stored: string;
  kept: string;
  weights: number;
  compared: number;
  differences: number;
  squares: number;
}

/** Compares tensors during loading: pass `onFilled` to `fill`, then call `parts` for the result. Vectors are never rounded. */
export function roundingErrors(): { onFilled(name: string, filled: Filled): Promise<void>; parts(): RoundedPart[] } {
  const sums = new Map<string, Sums>();
  return {
    async onFilled(name, { stored, slices, backend }) {
      for (const slice of slices) {
        const { dtype, shape } = slice.target;
        const from = SOURCE[stored.dtype];
        if (!from || !isRounded(stored.dtype, slice)) continue;
        const part = partName(name);
        const nothing = {
          stored: stored.dtype,
          kept: String(dtype),
          weights: 0,
          compared: 0,
          differences: 0,
          squares: 0,
        };
        const sum = sums.get(part) ?? nothing;
        sums.set(part, sum);
        sum.weights += size(shape);
        await compare(sum, groupsOf(slice.target), { slice, stored, from }, backend);
      }
    },
    parts: () =>
      [...sums].map(([name, { differences, squares, ...facts }]) => ({
        name,
        ...facts,
        relativeError: squares === 0 ? 0 : Math.sqrt(differences / squares),
      })),
  };
}

/** Throws UsageError when the plan rounds no weight, or when the stored weights are packed already. */
export function checkRounds(plan: Plan): void {
  const [format] = plan.storedFormats;
  if (format) {
    throw new UsageError(
      `this checkpoint is ${format} already: take the one that it was made from to convert it anew.`,
    );
  }
  const types = new Set<string>();
  for (const [name, slices] of plan.slices) {
    const { dtype } = plan.tensors.get(name) as StoredTensor;
    for (const slice of slices) {
      if (isRounded(dtype, slice)) return;
      if (slice.kind !== 'vector') types.add(String(slice.target.dtype));
    }
  }
  throw new UsageError(`this format changes nothing: the weights are ${[...types].join(' and ')} already.`);
}

/** Is a weight kept in another format than that of the file? */
function isRounded(stored: StoredTensor['dtype'], { kind, target }: Slice): boolean {
  return kind !== 'vector' && stored !== 'U8' && SOURCE[stored] !== target.dtype;
}

/** Some rows of a live tensor [..., J], viewed as [rows, J]. */
interface Group {
  readonly first: number;
  readonly count: number;
}

function groupsOf({ shape }: Tensor): Group[] {
  const all = size(shape.slice(0, -1));
  const groups = Math.ceil(all / GROUP_ROWS);
  const count = Math.min(groups, SAMPLED_GROUPS);
  return Array.from({ length: count }, (_, i) => {
    const first = GROUP_ROWS * Math.floor((i * (groups - 1)) / Math.max(1, count - 1));
    return { first, count: Math.min(GROUP_ROWS, all - first) };
  });
}

interface Origin {
  readonly slice: Slice;
  readonly stored: StoredTensor;
  readonly from: SourceDType;
}

async function compare(sum: Sums, groups: readonly Group[], origin: Origin, backend: Backend): Promise<void> {
  const originals = origin.slice.transposed ? await columnsOf(origin, groups) : await rowsOf(origin, groups);
  for (const [i, group] of groups.entries()) {
    const live = await floatsOf(backend, origin.slice.target, group);
    const original = originals[i] as Float32Array;
    sum.compared += original.length;
    for (let k = 0; k < original.length; k++) {
      const [x, y] = [original[k] as number, live[k] as number];
      sum.differences += (x - y) ** 2;
      sum.squares += x ** 2;
    }
  }
}

async function floatsOf(backend: Backend, x: Tensor, { first, count }: Group): Promise<Float32Array> {
  const columns = x.shape.at(-1) as number;
  const some = rows(reshape(x, [size(x.shape) / columns, columns]), first, first + count);
  const numbers = await backend.read(some);
  return isPacked(x.dtype) ? x.dtype.unpack(numbers as PackedBytes, some.shape) : toFloats(x.dtype, numbers);
}

/** Reads rows of matrices stored as [N, J]: [count, J] for each group. */
async function rowsOf({ slice, stored, from }: Origin, groups: readonly Group[]): Promise<Float32Array[]> {
  const columns = slice.target.shape.at(-1) as number;
  const rowBytes = (stored.byteLength / size(stored.shape)) * columns;
  const all: Float32Array[] = [];
  for (const { first, count } of groups) {
    const bytes = new Uint8Array(count * rowBytes);
    await stored.read((slice.firstRow + first) * rowBytes, bytes);
    all.push(toFloats(from, view(from, bytes)));
  }
  return all;
}

/** Reads rows of matrices stored as [J, N]: the whole matrix is read, and the wanted columns are kept. */
async function columnsOf({ slice, stored, from }: Origin, groups: readonly Group[]): Promise<Float32Array[]> {
  const [inner = 0, outer = 0] = stored.shape;
  const rowBytes = stored.byteLength / inner;
  const atOnce = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
  const all = groups.map(({ count }) => new Float32Array(count * inner));
  const bytes = new Uint8Array(Math.min(atOnce, inner) * rowBytes);
  for (let j = 0; j < inner; j += atOnce) {
    const some = bytes.subarray(0, Math.min(atOnce, inner - j) * rowBytes);
    await stored.read(j * rowBytes, some);
    const numbers = toFloats(from, view(from, some));
    for (const [g, { first, count }] of groups.entries()) {
      const into = all[g] as Float32Array;
      for (let row = 0; row < numbers.length / outer; row++) {
        const at = row * outer + slice.firstRow + first;
        for (let i = 0; i < count; i++) into[i * inner + j + row] = numbers[at + i] as number;
      }
    }
  }
  return all;
}
