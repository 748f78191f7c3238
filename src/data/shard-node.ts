/**
 * Shards: safetensors files with the tokens of some documents. `ids` [tokens], U16 where the vocabulary allows it, else U32; `ends` [documents], U32,
 * where documents end; `mask` [tokens], U8, where not all ids count as targets. Metadata: format, version, and the SHA-256 of all numbers.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CheckpointError } from '../base/errors.ts';
import { openLocalFile } from '../checkpoint/folder-node.ts';
import { writeFileWhole } from '../checkpoint/output-node.ts';
import { readSafetensors, type StoredTensor } from '../checkpoint/safetensors.ts';
import { safetensorsBytes } from '../checkpoint/save.ts';
import { again, type Shard, type StreamName } from './manifest-node.ts';
import type { TokenBlock } from './token-buffer.ts';
import type { TokenSlice } from './token-store.ts';

const LARGEST_U16 = 0xffff;

/** Writes a shard, whole or not at all. Throws UsageError when the disk is full or refuses it. */
export async function writeShard(
  folder: string,
  stream: StreamName,
  number: number,
  { ids, mask, ends }: TokenBlock,
  vocabSize: number,
): Promise<Shard> {
  const isShort = vocabSize <= LARGEST_U16 + 1;
  const parts = [
    { name: 'ids', dtype: isShort ? 'U16' : 'U32', data: isShort ? Uint16Array.from(ids) : ids },
    { name: 'ends', dtype: 'U32', data: ends },
    ...(mask ? [{ name: 'mask', dtype: 'U8', data: mask } as const] : []),
  ] as const;
  const tensors = parts
    .map(({ name, dtype, data }) => ({
      name,
      dtype,
      shape: [data.length],
      bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    }))
    // Wide numbers first, so that all are aligned.
    .sort((a, b) => widthOf(b.dtype) - widthOf(a.dtype));
  const hash = createHash('sha256');
  for (const tensor of tensors) for (const bytes of tensor.bytes()) hash.update(bytes);
  const sha256 = hash.digest('hex');
  const name = `${stream}-${String(number).padStart(5, '0')}.safetensors`;
  const metadata = { format: 'portmanteau tokens', version: '1', sha256 };
  await writeFileWhole(join(folder, name), safetensorsBytes(tensors, metadata));
  return { name, tokens: ids.length, documents: ends.length, isMasked: mask !== undefined, sha256 };
}

const widthOf = (dtype: 'U8' | 'U16' | 'U32'): number => ({ U8: 1, U16: 2, U32: 4 })[dtype];

export interface OpenShard {
  read(start: number, length: number): Promise<TokenSlice>;
  ends(): Promise<Uint32Array>;
  close(): Promise<void>;
}

/**
 * Opens a shard, and compares its checksum unless that was done before (`isChecked`). Throws CheckpointError that names it when it is missing or
 * damaged.
 */
export async function openShard(folder: string, shard: Shard, { isChecked = false } = {}): Promise<OpenShard> {
  const path = join(folder, shard.name);
  const damaged = (problem: string, cause?: unknown) =>
    new CheckpointError(`the shard ${path} ${problem}. ${again(folder)}`, { cause });
  const source = await openLocalFile(path);
  if (!source) throw damaged('is missing');
  try {
    const tensors = await readSafetensors(source);
    const find = (name: string, length: number, dtypes: readonly string[]): StoredTensor => {
      const tensor = tensors.find((each) => each.name === name);
      if (tensor?.shape.length === 1 && tensor.shape[0] === length && dtypes.includes(tensor.dtype)) return tensor;
      throw new Error(`'${name}' is not as written`);
    };
    const ids = find('ids', shard.tokens, ['U16', 'U32']);
    const ends = find('ends', shard.documents, ['U32']);
    const mask = shard.isMasked ? find('mask', shard.tokens, ['U8']) : undefined;
    const sum = isChecked ? shard.sha256 : await checksumOf(tensors);
    if (sum !== shard.sha256) throw new Error(`its checksum is ${sum}, wanted ${shard.sha256}`);
    return {
      read: async (start, length) => ({
        ids: await readIds(ids, start, length),
        mask: mask && (await bytesOf(mask, start, length)),
      }),
      ends: async () => new Uint32Array((await bytesOf(ends, 0, 4 * shard.documents)).buffer),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw damaged(`is damaged: ${(error as Error).message}`, error);
  }
}

async function readIds(tensor: StoredTensor, start: number, length: number): Promise<Uint32Array> {
  const width = tensor.dtype === 'U16' ? 2 : 4;
  const { buffer } = await bytesOf(tensor, start * width, length * width);
  return width === 2 ? Uint32Array.from(new Uint16Array(buffer)) : new Uint32Array(buffer);
}

async function bytesOf(tensor: StoredTensor, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  await tensor.read(offset, bytes);
  return bytes;
}

const CHUNK_BYTES = 1 << 20;

async function checksumOf(tensors: readonly StoredTensor[]): Promise<string> {
  const hash = createHash('sha256');
  for (const tensor of tensors)
    for (let offset = 0; offset < tensor.byteLength; offset += CHUNK_BYTES)
      hash.update(await bytesOf(tensor, offset, Math.min(CHUNK_BYTES, tensor.byteLength - offset)));
  return hash.digest('hex');
}
