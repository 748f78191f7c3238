/** The ternary matrices of a checkpoint, read from its files one after another: no weight is kept, and the model need not be loaded. */
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { ternary } from '../formats/ternary.ts';
import type { OpenedModel } from './open.ts';
import { codeOfMaster, perMean } from './pack-ternary.ts';
import type { Packing } from './plan.ts';
import { ternaryScaleOf } from './quantization.ts';
import { storedNumber, storedRows } from './stored-numbers.ts';

/** Rows of codes -1, 0 and 1, or 2 where the bytes mean nothing; `codes` is [n, J] and is written over by the next. */
export interface CodeBlock {
  readonly row: number;
  readonly codes: Int8Array;
}

export interface TernaryMatrix {
  /** The name that the model has for it, without `.weight`. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** How the files hold it: two bits a weight, numbers that are codes, or masters that are rounded when they are loaded. */
  readonly stored: 'packed' | 'codes' | 'masters';
  readonly storedBytes: number;
  /** What codes are multiplied with: mean|W| of what they were rounded from. */
  scale(signal?: AbortSignal): Promise<number>;
  /** How often each of -1, 0, 1 and 2 stands in it. */
  counts(signal: AbortSignal | undefined, onWeights: (count: number) => void): Promise<number[]>;
  /** All rows, not in order. */
  blocks(signal?: AbortSignal): AsyncGenerator<CodeBlock>;
}

/** Numbers of one block at most. */
const BLOCK_NUMBERS = 1 << 20;

const rowsAtOnce = (columns: number): number => Math.max(1, Math.floor(BLOCK_NUMBERS / columns));

/** In the order of the model. Empty where no layer is ternary. */
export function ternaryMatrices({ plan, config }: OpenedModel): TernaryMatrix[] {
  const meaning = ternaryScaleOf(config);
  const scaleOf = (name: string) => async (signal?: AbortSignal) => {
    const number = await storedNumber(plan.tensors.get(`${name}_scale`) as StoredTensor, signal);
    return meaning === 'divide' ? 1 / number : number;
  };
  const found = new Map<string, TernaryMatrix>();
  for (const [name, [slice]] of plan.slices) {
    if (slice?.target.dtype !== ternary) continue;
    const stored = plan.tensors.get(name) as StoredTensor;
    const [rows, columns] = slice.target.shape as [number, number];
    const blocks = (signal?: AbortSignal) => packedBlocks(stored, rows, columns, signal);
    const whole = rows % 4 === 0; // else the last rows of bytes hold fewer
    const counts: TernaryMatrix['counts'] = (signal, onWeights) =>
      whole ? countBytes(stored, signal, onWeights) : countBlocks(blocks(signal), onWeights);
    found.set(name, { ...facts(name, rows, columns, stored), stored: 'packed', scale: scaleOf(name), counts, blocks });
  }
  for (const [name, packing] of plan.packings) found.set(name, unpacked(name, packing, plan.tensors, scaleOf(name)));
  return [...plan.tensors.keys()].flatMap((name) => found.get(name) ?? []);
}

const facts = (name: string, rows: number, columns: number, { byteLength }: StoredTensor) => ({
  name: name.replace(/\.weight$/, ''),
  rows,
  columns,
  storedBytes: byteLength,
});

/** Bytes as of src/formats/ternary.ts: byte row p has rows p, p + R, p + 2R and p + 3R. */
async function* packedBlocks(
  stored: StoredTensor,
  rows: number,
  columns: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<CodeBlock> {
  const quarter = Math.ceil(rows / 4);
  const atOnce = rowsAtOnce(columns);
  const bytes = new Uint8Array(atOnce * columns);
  const codes = new Int8Array(atOnce * columns);
  for (let first = 0; first < quarter; first += atOnce) {
    signal?.throwIfAborted();
    const some = bytes.subarray(0, Math.min(atOnce, quarter - first) * columns);
    await stored.read(first * columns, some, signal);
    for (let part = 0; part < 4; part++) {
      const row = part * quarter + first;
      const count = Math.min(some.length / columns, rows - row);
      if (count <= 0) continue; // rows that fill up the last quarter
      for (let i = 0; i < count * columns; i++) codes[i] = (((some[i] as number) >> (2 * part)) & 3) - 1;
      yield { row, codes: codes.subarray(0, count * columns) };
    }
  }
}

function unpacked(
  name: string,
  { from, codes }: Packing,
  tensors: ReadonlyMap<string, StoredTensor>,
  storedScale: TernaryMatrix['scale'],
): TernaryMatrix {
  const stored = tensors.get(name) as StoredTensor;
  const [rows, columns] = codes.shape as [number, number];
  let known: Promise<number> | undefined;
  const mean = (signal?: AbortSignal) => {
    known ??= meanSize(stored, signal);
    return known;
  };
  async function* blocks(signal?: AbortSignal): AsyncGenerator<CodeBlock> {
    const perWeight = from === 'masters' ? perMean(await mean(signal)) : 1;
    const code = from === 'masters' ? (w: number) => codeOfMaster(w, perWeight) : checkedCode;
    for await (const { row, numbers } of numberBlocks(stored, signal))
      yield { row, codes: Int8Array.from(numbers, code) };
  }
  const scale = from === 'masters' ? async (signal?: AbortSignal) => 1 / perMean(await mean(signal)) : storedScale;
  const counts: TernaryMatrix['counts'] = (signal, onWeights) => countBlocks(blocks(signal), onWeights);
  return { ...facts(name, rows, columns, stored), stored: from, scale, counts, blocks };
}

/** Counts codes byte by byte, four of them together. */
async function countBytes(
  stored: StoredTensor,
  signal: AbortSignal | undefined,
  onWeights: (count: number) => void,
): Promise<number[]> {
  const buffer = new Uint8Array(BLOCK_NUMBERS);
  const ofBytes = new Float64Array(256);
  for (let at = 0; at < stored.byteLength; at += buffer.length) {
    signal?.throwIfAborted();
    const some = buffer.subarray(0, Math.min(buffer.length, stored.byteLength - at));
    await stored.read(at, some, signal);
    for (let i = 0; i < some.length; i++) ofBytes[some[i] as number]!++;
    onWeights(4 * some.length);
  }
  const counts = [0, 0, 0, 0];
  ofBytes.forEach((count, byte) => {
    for (let shift = 0; shift < 8; shift += 2) counts[(byte >> shift) & 3]! += count;
  });
  return counts;
}

async function countBlocks(blocks: AsyncGenerator<CodeBlock>, onWeights: (count: number) => void): Promise<number[]> {
  const counts = [0, 0, 0, 0];
  for await (const { codes } of blocks) {
    for (let i = 0; i < codes.length; i++) counts[(codes[i] as number) + 1]!++;
    onWeights(codes.length);
  }
  return counts;
}

const checkedCode = (w: number): number => (w === 0 || w === 1 || w === -1 ? w : 2);

/** A stored matrix, some rows at a time. */
export async function* numberBlocks(
  stored: StoredTensor,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly row: number; readonly numbers: Float32Array }> {
  const [rows = 0, columns = 1] = stored.shape;
  const atOnce = rowsAtOnce(columns);
  for (let row = 0; row < rows; row += atOnce) {
    signal?.throwIfAborted();
    yield { row, numbers: await storedRows(stored, row, Math.min(atOnce, rows - row), signal) };
  }
}

/** mean|W| of a stored matrix, as f32. */
export async function meanSize(stored: StoredTensor, signal?: AbortSignal): Promise<number> {
  let [sum, count] = [0, 0];
  for await (const { numbers } of numberBlocks(stored, signal)) {
    count += numbers.length;
    for (let i = 0; i < numbers.length; i++) sum += Math.abs(numbers[i] as number);
  }
  return Math.fround(sum / count);
}
