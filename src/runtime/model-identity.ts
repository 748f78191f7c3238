/**
 * Identifies a model: the facts read from config.json, name, shape and format of every weight, and the first numbers of most weights. The
 * result is the same whether it is computed from the files, before the weights are loaded, or from memory.
 */
import type { Backend } from '../backends/backend.ts';
import { arrayFor, byteSize, type DType, isPacked, reshape, rows, size, type TypedArray } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { fillBlock } from '../formats/numbers.ts';
import { SOURCE } from '../loader/fill.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Slice } from '../loader/plan.ts';

/** Numbers hashed of each weight, from its first row: enough to tell weights apart. */
const MOST_NUMBERS = 4096;

export interface Identity {
  readonly family: string;
  /** Formats of the weights in memory, as in `bf16, f32`. */
  readonly weights: string;
  /** config.json as the model family understands it. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Hash of all of the above and of the first numbers of the weights. */
  readonly digest: string;
}

/** `backend`: where the weights are loaded. Without it they are read from the files, which must still be open. */
export async function identityOf(opened: OpenedModel, backend?: Backend): Promise<Identity> {
  const { plan, family, config, model } = opened;
  const slices = [...plan.slices].flatMap(([name, all]) => all.map((slice) => ({ name, slice })));
  const about = slices.map(({ name, slice: { target } }) => [name, target.dtype, target.shape]);
  const facts = JSON.parse(JSON.stringify(model.facts)) as Record<string, unknown>;
  const packed = [...plan.packings].map(([name, { codes, from }]) => [name, from, codes.shape]);
  const text = JSON.stringify([family, facts, config.quantization_config ?? null, about, packed]);
  const parts: Uint8Array[] = [new TextEncoder().encode(text)];
  for (const { name, slice } of slices) {
    const stored = plan.tensors.get(name) as StoredTensor;
    if (hasPlainRow(stored, slice)) parts.push(await (backend ? liveRow(backend, slice) : storedRow(stored, slice)));
  }
  const bytes = await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const weights = [...new Set(slices.map(({ slice }) => slice.target.dtype))].sort().join(', ');
  return { family, weights, facts, digest: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('') };
}

/** Is the first row contiguous both in the file and in memory? It is not for packed formats and transposed matrices. */
function hasPlainRow(stored: StoredTensor, { target, firstRow, transposed }: Slice): boolean {
  return (
    !isPacked(target.dtype) &&
    firstRow === 0 &&
    !transposed &&
    SOURCE[stored.dtype] !== undefined &&
    size(target.shape) > 0
  );
}

const rowLength = ({ target }: Slice): number => Math.min(target.shape.at(-1) ?? 1, MOST_NUMBERS);

async function liveRow(backend: Backend, slice: Slice): Promise<Uint8Array> {
  const { target } = slice;
  const flat = reshape(target, [size(target.shape)]);
  return bytesOf(await backend.read(rows(flat, 0, rowLength(slice))));
}

async function storedRow(stored: StoredTensor, slice: Slice): Promise<Uint8Array> {
  const columns = rowLength(slice);
  const dtype = slice.target.dtype as DType; // hasPlainRow
  const from = SOURCE[stored.dtype] as NonNullable<(typeof SOURCE)[typeof stored.dtype]>;
  const bytes = new Uint8Array((stored.byteLength / size(stored.shape)) * columns);
  await stored.read(0, bytes);
  const row = arrayFor(dtype, new ArrayBuffer(byteSize([columns], dtype)), 0, columns);
  fillBlock(
    row,
    { shape: [1, columns], dtype },
    {
      ...{ row: 0, column: 0, rows: 1, columns, dtype: from, bytes, transposed: false },
    },
  );
  return bytesOf(row);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => new Uint8Array(buffer, byteOffset, byteLength);
