/** The other way round: from the live tensors of a plan back to the files of a checkpoint that the reference implementations load. */
import type { Backend } from '../backends/backend.ts';
import type { StoredDType, StoredTensor } from '../checkpoint/safetensors.ts';
import { checkpointFiles, type SavedFile, type SavedTensor } from '../checkpoint/save.ts';
import { type Folder, readBytes } from '../checkpoint/source.ts';
import { byteSize, type DType, rows, size, type TypedArray } from '../tensor.ts';
import type { OpenedModel } from './open.ts';
import type { Piece, Plan } from './plan.ts';

/** What is kept beside the weights, as it was. */
const MODEL_FILES = ['config.json', 'generation_config.json'];
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'];
const OLDER_TOKENIZER_FILES = ['vocab.json', 'merges.txt'];
const MAX_KEPT_BYTES = 128 << 20;

/** Bytes read from the backend at once. */
const CHUNK_BYTES = 8 << 20;

const STORED: Record<DType, StoredDType> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i8: 'I8',
  i8rows: 'I8',
  u8: 'U8',
  i32: 'I32',
  ternary: 'U8',
  q8: 'U8',
  q4: 'U8',
};

/** The files of a model as it is now: weights as safetensors in the format they are kept in, config and tokenizer as they were. */
export async function filesOf(opened: OpenedModel, backend: Backend, maxShardBytes?: number): Promise<SavedFile[]> {
  const weights = checkpointFiles(savedTensors(opened.plan, backend), maxShardBytes);
  const kept = [...MODEL_FILES, ...(opened.tokenizerFolder ? [] : [...TOKENIZER_FILES, ...OLDER_TOKENIZER_FILES])];
  const files = await copies(opened.checkpoint.folder, kept);
  if (opened.tokenizerFolder) {
    files.push(...(await copies(opened.tokenizerFolder, [...TOKENIZER_FILES, ...OLDER_TOKENIZER_FILES])));
  }
  return [...files, ...weights];
}

async function copies(folder: Folder, names: readonly string[]): Promise<SavedFile[]> {
  const files: SavedFile[] = [];
  for (const name of names) {
    const bytes = await readBytes(folder, name, MAX_KEPT_BYTES);
    if (bytes) files.push({ name, bytes: () => [bytes] });
  }
  return files;
}

/** Every stored tensor that the model reads, under its stored name. */
function savedTensors(plan: Plan, backend: Backend): SavedTensor[] {
  return [...plan.pieces].map(([name, pieces]) => {
    const stored = plan.tensors.get(name) as StoredTensor;
    const ordered = [...pieces].sort((a, b) => a.firstRow - b.firstRow);
    const [first] = ordered as [Piece];
    return {
      name: stored.name,
      shape: stored.shape,
      dtype: STORED[first.target.dtype],
      bytes: () => (first.transposed ? turned(ordered, backend) : inOrder(ordered, backend)),
    };
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function* inOrder(pieces: readonly Piece[], backend: Backend): AsyncGenerator<Uint8Array> {
  for (const { target } of pieces) {
    const [count = 1] = target.shape;
    const rowBytes = byteSize(target.shape, target.dtype) / count;
    // Packed rows cannot be cut; such tensors are small enough to be read whole.
    const atOnce = target.dtype === 'ternary' ? count : Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
    for (let row = 0; row < count; row += atOnce) {
      const some = atOnce >= count ? target : rows(target, row, Math.min(row + atOnce, count));
      yield bytesOf(await backend.read(some));
    }
  }
}

/** Matrices kept as [out, in] that are stored side by side as [in, out]. */
async function* turned(pieces: readonly Piece[], backend: Backend): AsyncGenerator<Uint8Array> {
  const parts: { numbers: TypedArray; count: number }[] = [];
  for (const { target } of pieces) {
    parts.push({ numbers: await backend.read(target), count: target.shape[0] as number });
  }
  const [{ target }] = pieces as [Piece];
  const inner = target.shape[1] as number;
  const outer = parts.reduce((sum, { count }) => sum + count, 0);
  const atOnce = Math.max(1, Math.floor(CHUNK_BYTES / byteSize([outer], target.dtype)));
  for (let first = 0; first < inner; first += atOnce) {
    const count = Math.min(atOnce, inner - first);
    const chunk = new ((parts[0] as { numbers: TypedArray }).numbers.constructor as new (length: number) => TypedArray)(
      size([count, outer]),
    );
    let at = 0;
    for (let j = first; j < first + count; j++) {
      for (const { numbers, count: rowsOfPart } of parts) {
        for (let i = 0; i < rowsOfPart; i++) chunk[at++] = numbers[i * inner + j] as number;
      }
    }
    yield bytesOf(chunk);
  }
}
