/**
 * Saves a model: from the live tensors of a plan to the files of a checkpoint that the reference implementations can load (unless weights
 * are in a packed format that only this library reads).
 */
import type { Backend } from '../backends/backend.ts';
import { CheckpointError } from '../base/errors.ts';
import {
  byteSize,
  type DType,
  type ElementType,
  isPacked,
  rows,
  type Shape,
  size,
  type Tensor,
  type TypedArray,
} from '../base/tensor.ts';
import { parsePythonJson, pythonJson } from '../checkpoint/python-json.ts';
import type { StoredDType, StoredTensor } from '../checkpoint/safetensors.ts';
import { checkpointFiles, type SavedFile, type SavedTensor } from '../checkpoint/save.ts';
import { type Folder, readBytes } from '../checkpoint/source.ts';
import type { JsonObject } from '../models/config.ts';
import type { OpenedModel } from './open.ts';
import { configWithFormats, fused, ownFormats, packedMetadata } from './packed.ts';
import type { Plan, Slice } from './plan.ts';
import { onlineConfig, packedConfig } from './quantization.ts';

/** Files that are copied unchanged. */
const MODEL_FILES = ['config.json', 'generation_config.json'];
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json'];
const OLDER_TOKENIZER_FILES = ['vocab.json', 'merges.txt'];
const MAX_KEPT_BYTES = 128 << 20;

/** Bytes read from the backend at a time. */
const CHUNK_BYTES = 8 << 20;

const storedAs = (dtype: ElementType, shape: Shape) =>
  isPacked(dtype) ? { shape: dtype.storedShape(shape), dtype: STORED[dtype.bytes] } : { shape, dtype: STORED[dtype] };

const STORED: Record<DType, StoredDType> = { f32: 'F32', f16: 'F16', bf16: 'BF16', i8: 'I8', u8: 'U8', i32: 'I32' };

/** The files of a model: weights as safetensors in their present format, config and tokenizer as they were. */
export async function filesOf(opened: OpenedModel, backend: Backend, maxShardBytes?: number): Promise<SavedFile[]> {
  const formats = ownFormats([...opened.plan.slices.values()].flat().map(({ target }) => target.dtype));
  const metadata = formats.length > 0 ? packedMetadata(formats) : undefined;
  const weights = checkpointFiles(savedTensors(opened.plan, backend), { maxShardBytes, metadata });
  const kept = [...MODEL_FILES, ...(opened.tokenizerFolder ? [] : [...TOKENIZER_FILES, ...OLDER_TOKENIZER_FILES])];
  const { folder } = opened.checkpoint;
  const files = await copies(folder, kept);
  if (!files.some(({ name }) => name === 'config.json'))
    throw new CheckpointError(`${folder.name} has no config.json any more: the files of this model have gone.`);
  if (opened.tokenizerFolder) {
    files.push(...(await copies(opened.tokenizerFolder, [...TOKENIZER_FILES, ...OLDER_TOKENIZER_FILES])));
  }
  const rounded = [...opened.plan.packings.values()].some(({ from }) => from === 'masters');
  const said = (config: JsonObject) => {
    const { configChanges } = opened;
    const changed =
      Object.keys(configChanges).length > 0 ? { ...config, ...secondSpelling(config, configChanges) } : config;
    const typed = withTypeOf(changed, opened.plan);
    const online = opened.rounding ? onlineConfig(typed) : typed;
    const packed = rounded ? packedConfig(online) : online;
    return formats.length > 0 ? configWithFormats(packed, formats) : packed;
  };
  return [...files.map((file) => (file.name === 'config.json' ? saidIn(file, said) : file)), ...weights];
}

/** The types that transformers names in config.json. */
const TORCH_TYPES: Partial<Record<string, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

/** transformers loads weights as the type in config.json, so that must be the type of the saved matrices where all have one. */
function withTypeOf(config: JsonObject, plan: Plan): JsonObject {
  const matrices = [...plan.slices.values()].flat().filter(({ kind }) => kind !== 'vector');
  const types = new Set(matrices.map(({ target }) => String(target.dtype)));
  const name = types.size === 1 ? TORCH_TYPES[[...types][0] as string] : undefined;
  const key = ['torch_dtype', 'dtype'].find((key) => typeof config[key] === 'string');
  return name === undefined || key === undefined || config[key] === name ? config : { ...config, [key]: name };
}

/** config.json for the saved weights: with a description of their format, and with the changes made when the model was opened. */
function saidIn({ name, content }: Copy, said: (config: JsonObject) => JsonObject): SavedFile {
  const before = parsePythonJson(new TextDecoder().decode(content)) as JsonObject; // it was read when the model was opened
  const after = said(before);
  if (after === before) return copy(name, content);
  const json = new TextEncoder().encode(pythonJson(after));
  return { name, bytes: () => [json] };
}

/** Another dialect of config.json has its own name for this key, which would take precedence. */
function secondSpelling(before: JsonObject, changes: JsonObject): JsonObject {
  const { tie_word_embeddings } = changes;
  const spelled = 'tie_embeddings' in before && tie_word_embeddings !== undefined;
  return spelled ? { ...changes, tie_embeddings: tie_word_embeddings } : changes;
}

interface Copy extends SavedFile {
  readonly content: Uint8Array;
}

const copy = (name: string, content: Uint8Array): Copy => ({ name, content, bytes: () => [content] });

async function copies(folder: Folder, names: readonly string[]): Promise<Copy[]> {
  const files: Copy[] = [];
  for (const name of names) {
    const bytes = await readBytes(folder, name, MAX_KEPT_BYTES);
    if (bytes) files.push(copy(name, bytes));
  }
  return files;
}

/** Every tensor that the model reads, under its stored name. */
export function savedTensors(plan: Plan, backend: Backend): SavedTensor[] {
  return [...savedPieces(plan, backend), ...savedPackings(plan, backend)];
}

/**
 * Values that belong to weights, such as their gradients, under the stored names and in the stored shapes of the weights. `value`: the
 * value for a live tensor, of its shape and f32; undefined where there is none.
 */
export function savedValues(
  plan: Plan,
  backend: Backend,
  value: (weight: Tensor) => Tensor | undefined,
): SavedTensor[] {
  const replaced = [...plan.slices].flatMap(([name, slices]) => {
    const values = slices.flatMap((slice) => {
      const target = value(slice.target);
      return target ? [{ ...slice, target }] : [];
    });
    return values.length === slices.length ? [[name, values] as const] : [];
  });
  return replaced.map(([name, slices]) => savedPiece(plan.tensors.get(name) as StoredTensor, slices, backend));
}

/** Ternary weights that were packed during loading, stored as in packed checkpoints. */
function savedPackings(plan: Plan, backend: Backend): SavedTensor[] {
  return [...plan.packings].flatMap(([key, { codes, scale }]) => {
    const { name } = plan.tensors.get(key) as StoredTensor;
    const saved = (name: string, target: Tensor): SavedTensor => {
      const slice: Slice = { target, kind: 'matrix', firstRow: 0, transposed: false };
      return { name, ...storedAs(target.dtype, target.shape), bytes: () => inOrder([slice], backend) };
    };
    return scale ? [saved(name, codes), saved(`${name}_scale`, scale)] : [saved(name, codes)];
  });
}

function savedPieces(plan: Plan, backend: Backend): SavedTensor[] {
  return [...plan.slices].map(([name, slices]) => savedPiece(plan.tensors.get(name) as StoredTensor, slices, backend));
}

function savedPiece(stored: StoredTensor, slices: readonly Slice[], backend: Backend): SavedTensor {
  const ordered = [...slices].sort((a, b) => a.firstRow - b.firstRow);
  const [first] = ordered as [Slice];
  const { dtype } = first.target;
  const isTurned = first.transposed && !isPacked(dtype);
  const shape = isPacked(dtype) ? fused(ordered.map(({ target }) => target.shape)) : stored.shape;
  const bytes = () => (isTurned ? turned(ordered, backend) : inOrder(ordered, backend));
  return { name: stored.name, ...storedAs(dtype, shape), bytes };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function* inOrder(slices: readonly Slice[], backend: Backend): AsyncGenerator<Uint8Array> {
  for (const { target } of slices) {
    const [count = 1] = target.shape;
    const rowBytes = byteSize(target.shape, target.dtype) / count;
    const isWhole = isPacked(target.dtype) && !target.dtype.hasRows;
    const atOnce = isWhole ? count : Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
    for (let row = 0; row < count; row += atOnce) {
      const some = atOnce >= count ? target : rows(target, row, Math.min(row + atOnce, count));
      yield bytesOf(await backend.read(some));
    }
  }
}

/** Transposes matrices [out, in] in memory to one stored matrix [in, out]. */
async function* turned(slices: readonly Slice[], backend: Backend): AsyncGenerator<Uint8Array> {
  const parts: { numbers: TypedArray; count: number }[] = [];
  for (const { target } of slices) {
    parts.push({ numbers: await backend.read(target), count: target.shape[0] as number });
  }
  const [{ target }] = slices as [Slice];
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
