/** Spreads the numbers of a vector over the row of values that it changes. */
import { quote, UsageError } from '../base/errors.ts';
import { type Shape, show, size } from '../base/tensor.ts';
import { toFloats } from '../formats/numbers.ts';
import type { Vector, VectorTensor } from './intervention.ts';

export type VectorStore = ReadonlyMap<string, VectorTensor>;

interface Numbers {
  readonly shape: Shape;
  readonly data: Float32Array;
  /** Its name in messages. */
  readonly about: string;
}

/** Throws UsageError when there is no such vector, or when a number of it is not finite. */
export function numbersOf(vector: Vector, store: VectorStore, site: string, name: string): Numbers {
  const found = isNamed(vector) ? named(vector.vector.replaceAll('{site}', site), store, name) : inline(vector);
  if (found.data.some((x) => !Number.isFinite(x)))
    throw new UsageError(`${name}: ${found.about} has numbers that are NaN or infinite.`);
  return found;
}

const isNamed = (vector: Vector): vector is { readonly vector: string } => 'vector' in vector;

const inline = (numbers: readonly number[] | Float32Array): Numbers => ({
  shape: [numbers.length],
  data: Float32Array.from(numbers),
  about: 'its vector',
});

function named(wanted: string, store: VectorStore, name: string): Numbers {
  const found = store.get(wanted);
  if (!found) {
    const some = [...store.keys()].slice(0, 8).map((key) => quote(key));
    const have = store.size === 0 ? 'no vectors came' : `there are ${some.join(', ')}${store.size > 8 ? ', …' : ''}`;
    throw new UsageError(`${name} names the vector ${quote(wanted)}, which is not among the vectors: ${have}.`);
  }
  const { shape, dtype, data } = found;
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16')
    throw new UsageError(`${name}: vector ${quote(wanted)} is ${dtype}, wanted f32, f16 or bf16.`);
  return {
    shape,
    data: dtype === 'f32' ? (data as Float32Array) : toFloats(dtype, data),
    about: `vector ${quote(wanted)}`,
  };
}

/** The row of values that is changed: [W], or [H, D], which is W = H * D numbers too. */
export interface Row {
  readonly heads: number | undefined;
  readonly columns: number;
}

export const widthOf = ({ heads = 1, columns }: Row): number => heads * columns;

export interface Spread {
  readonly rows: number;
  /** [rows, W] */
  readonly data: Float32Array;
  /** Does it have D numbers, the same for each head? */
  readonly perHead: boolean;
}

/**
 * W numbers as they are; D numbers for each head; as many as there are `channels` for these; with `positions` also a row of W for each of
 * so many. Throws UsageError on other sizes.
 */
export function spread(
  { shape, data, about }: Numbers,
  row: Row,
  {
    channels,
    positions,
    name,
    site,
  }: {
    readonly channels: readonly number[] | undefined;
    /** How many positions may have a row each; undefined where they may not. */
    readonly positions?: number | undefined;
    readonly name: string;
    readonly site: string;
  },
): Spread {
  const width = widthOf(row);
  const { heads = 1, columns } = row;
  const once = (one: Float32Array): Spread => ({ rows: 1, data: one, perHead: false });
  if (data.length === width) return once(data);
  const perHead = new Float32Array(width);
  if (data.length === columns) {
    for (let head = 0; head < heads; head++) perHead.set(data, head * columns);
    return { rows: 1, data: perHead, perHead: true };
  }
  if (channels && data.length === channels.length) {
    for (let head = 0; head < heads; head++)
      channels.forEach((channel, i) => {
        perHead[head * columns + channel] = data[i] as number;
      });
    return { rows: 1, data: perHead, perHead: true };
  }
  if (positions !== undefined && data.length === positions * width) return { rows: positions, data, perHead: false };
  const sizes = [
    `${width}`,
    ...(row.heads === undefined ? [] : [`${columns} (the same for each head)`]),
    ...(channels ? [`${channels.length} (one for each channel)`] : []),
    ...(positions === undefined ? [] : [`${positions * width} (a row for each of ${positions} positions)`]),
  ];
  throw new UsageError(
    `${name}: ${about} has ${size(shape)} numbers ${show(shape)}, wanted ${sizes.join(' or ')} for '${site}'.`,
  );
}

/** [W]: 1 for changed channels, 0 for others. Throws UsageError on heads and channels that do not exist. */
export function mask(
  row: Row,
  {
    heads,
    channels,
    name,
    site,
  }: {
    readonly heads: readonly number[] | undefined;
    readonly channels: readonly number[] | undefined;
    readonly name: string;
    readonly site: string;
  },
): Float32Array {
  const check = (what: string, given: readonly number[] | undefined, count: number) => {
    const beyond = given?.find((one) => one >= count);
    if (beyond !== undefined)
      throw new UsageError(`${name}: '${site}' has no ${what} ${beyond}: it has ${count}, from 0 to ${count - 1}.`);
  };
  if (heads && row.heads === undefined)
    throw new UsageError(`${name}: '${site}' has no axis of heads; leave 'heads' out.`);
  check('head', heads, row.heads ?? 1);
  check('channel', channels, row.columns);
  const on = new Float32Array(widthOf(row));
  for (const head of heads ?? Array.from({ length: row.heads ?? 1 }, (_, h) => h)) {
    const first = head * row.columns;
    if (channels) for (const channel of channels) on[first + channel] = 1;
    else on.fill(1, first, first + row.columns);
  }
  return on;
}

/** The direction of each group of `group` numbers that are on, of length 1. Throws UsageError when it has no length. */
export function direction(vector: Float32Array, on: Float32Array, group: number, name: string): Float32Array {
  const unit = new Float32Array(vector.length);
  for (let first = 0; first < vector.length; first += group) {
    let squares = 0;
    for (let c = first; c < first + group; c++) if (on[c] === 1) squares += (vector[c] as number) ** 2;
    if (squares === 0 && on.subarray(first, first + group).includes(1))
      throw new UsageError(`${name}: the direction to project away is zero.`);
    for (let c = first; c < first + group; c++) if (on[c] === 1) unit[c] = (vector[c] as number) / Math.sqrt(squares);
  }
  return unit;
}
