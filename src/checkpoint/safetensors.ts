/**
 * The safetensors format (github.com/huggingface/safetensors, README "Format"): 8 bytes with the length of a JSON header, the header,
 * the numbers of all tensors one after another. The header is checked against the file's size before it is used.
 */
import { CheckpointError, quote, UsageError } from '../base/errors.ts';
import { size as elementsOf, show } from '../base/tensor.ts';
import type { Source } from './source.ts';
import { contentOf } from './wrong-content.ts';

/** Types of weights first; files may have other types, which no model here reads. */
const BYTES = {
  ...({ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const),
  ...({
    U64: 8,
    U32: 4,
    U16: 2,
    C64: 8,
    F8_E4M3: 1,
    F8_E5M2: 1,
    F8_E8M0: 1,
    F4: 0.5,
    F6_E2M3: 0.75,
    F6_E3M2: 0.75,
  } as const),
};

export type StoredDType = keyof typeof BYTES;

/** A tensor in a file; its numbers are read on request. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: StoredDType;
  /** Name of the file, for messages. */
  readonly file: string;
  readonly byteLength: number;
  /** Its place among the bytes of its file; absent in formats whose order of reading does not matter. */
  readonly begin?: number;
  /** Equal for tensors of a file that are stored in the same bytes; absent in formats where tensors never share bytes. */
  readonly sharedBytes?: string;
  /** Metadata of the file, if its format has any. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Fills `into` with the numbers in row-major order, from byte `offset` of the tensor on. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
}

/** As in the format's own implementation; headers of the largest models have a few megabytes. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_AXES = 16;

/** Size of the header's length, a 64-bit number. */
const PREFIX_BYTES = 8;

/** The only entry of a header that is not a tensor. */
const METADATA = '__metadata__';

function isStoredDType(text: unknown): text is StoredDType {
  return typeof text === 'string' && Object.hasOwn(BYTES, text);
}

/** Bytes of a tensor; NaN when they are too many to count. */
export function storedBytes(shape: readonly number[], dtype: StoredDType): number {
  const bytes = elementsOf(shape) * BYTES[dtype];
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

/** Reads the metadata of a file. Throws CheckpointError when its header is damaged. */
export async function readMetadata(source: Source): Promise<Readonly<Record<string, unknown>>> {
  return metadataOf((await readHeader(source)).entries);
}

function metadataOf(entries: readonly [string, unknown][]): Readonly<Record<string, unknown>> {
  const [, metadata] = entries.find(([key]) => key === METADATA) ?? [];
  return { ...(metadata as object | undefined) };
}

/** Lists the tensors. Throws CheckpointError when the header is damaged, or does not fit the size of the file. */
export async function readSafetensors(source: Source): Promise<StoredTensor[]> {
  const { name, size } = source;
  const { entries, start, wrong } = await readHeader(source);
  const metadata = metadataOf(entries);
  const tensors: (StoredTensor & { begin: number })[] = [];
  for (const [tensorName, entry] of entries) {
    if (tensorName === METADATA) continue;
    const { dtype, shape, begin, end } = checkEntry(tensorName, entry, wrong);
    if (end > size - start) throw wrong(`'${tensorName}' ends at byte ${start + end}, the file at ${size}`);
    tensors.push({
      name: tensorName,
      shape,
      dtype,
      file: name,
      byteLength: end - begin,
      metadata,
      begin,
      read: (offset, into, signal) => source.read(start + begin + offset, into, signal),
    });
  }
  // The numbers must follow each other without a gap, so that nothing is hidden and nothing is read twice.
  let reached = 0;
  for (const tensor of [...tensors].sort((a, b) => a.begin - b.begin || a.byteLength - b.byteLength)) {
    if (tensor.begin !== reached) throw wrong(`'${tensor.name}' begins at byte ${tensor.begin}, wanted ${reached}`);
    reached += tensor.byteLength;
  }
  if (start + reached !== size) throw wrong(`its tensors end at byte ${start + reached}, the file at ${size}`);
  return tensors;
}

/** The entries of the header, and where the numbers start. */
async function readHeader(source: Source) {
  const { name, size } = source;
  const wrong = (problem: string) =>
    new CheckpointError(
      `${name}: ${problem}. Compare its size with the original where it came over a network; else save it with the safetensors library.`,
    );
  const prefix = new Uint8Array(Math.min(size, PREFIX_BYTES));
  await source.read(0, prefix);
  /** The error for a file that is not a safetensors file, with what it is. */
  const other = (problem: string) => {
    const content = contentOf(prefix);
    return content ? new CheckpointError(`${name} ${content}.`) : wrong(problem);
  };
  if (size < PREFIX_BYTES) throw other(`${size} bytes are too few for a safetensors file`);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) throw other(`it begins with no length of a header (${length} came)`);
  if (length > size - PREFIX_BYTES) throw other(`its header has ${length} bytes, but the whole file only ${size}`);
  const bytes = new Uint8Array(length);
  await source.read(PREFIX_BYTES, bytes);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw other(`its header is no JSON (${(error as Error).message})`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw wrong('its header is no JSON object');
  return { entries: Object.entries(header), start: PREFIX_BYTES + length, wrong };
}

function checkEntry(name: string, entry: unknown, wrong: (problem: string) => CheckpointError) {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (!isStoredDType(dtype)) {
    throw new CheckpointError(`'${name}' has dtype ${quote(dtype, 40)}; known are ${Object.keys(BYTES).join(', ')}.`);
  }
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || shape.length > MAX_AXES || !shape.every(isCount))
    throw wrong(`'${name}' has shape ${quote(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1])
    throw wrong(`'${name}' has data_offsets ${quote(offsets)}`);
  const [begin, end] = offsets as [number, number];
  if (storedBytes(shape, dtype) !== end - begin)
    throw wrong(`'${name}' is ${dtype} ${show(shape)}, but has ${end - begin} bytes`);
  return { dtype, shape: shape as number[], begin, end };
}

/** The bytes before the numbers, padded so that the numbers begin at a multiple of 8. Throws UsageError on names that cannot be used. */
export function safetensorsHeader(
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: StoredDType }[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' }, // transformers refuses files without it
): Uint8Array {
  const header = new Map<string, unknown>([[METADATA, metadata]]);
  let reached = 0;
  for (const { name, shape, dtype } of tensors) {
    if (header.has(name))
      throw new UsageError(`two tensors would be saved as '${name}'; every one needs its own name.`);
    const end = reached + storedBytes(shape, dtype);
    header.set(name, { dtype, shape, data_offsets: [reached, end] });
    reached = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(PREFIX_BYTES + padded).fill(0x20, PREFIX_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, PREFIX_BYTES);
  return bytes;
}
