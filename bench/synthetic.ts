/**
 * Writes a checkpoint with the config, names, shapes, types and files of a published one, without its numbers, for measuring loading,
 * memory and speed where the real one is not at hand: node dist/bench/synthetic.js NAME FOLDER [--dense-random]
 * Files are sparse, with small random numbers at the beginning of each matrix, so that they take little of the disk and a model computes
 * finite logits; with --dense-random there are random numbers everywhere, and the disk is filled. There is no tokenizer: give token ids.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/base/errors.ts';
import { safetensorsHeader, storedBytes } from '../src/checkpoint/safetensors.ts';
import type { JsonObject } from '../src/models/config.ts';
import { bytesOf } from './numbers.ts';
import { PUBLISHED, type Published, type TensorSpec, tensorsOf } from './published.ts';
import { writeTorchFile } from './torch-zip.ts';

export interface SyntheticOptions {
  /** Random numbers everywhere, not only at the beginning of each matrix; or in these tensors only. */
  readonly dense?: boolean | ((tensor: TensorSpec) => boolean);
  /** Replaces keys of config.json, for smaller models of the same kind. */
  readonly config?: JsonObject;
  /** In place of the published limit, where there is one. */
  readonly shardBytes?: number;
}

/** Throws UsageError when the folder has something in it, or the disk has not the room that dense files need. */
export function writeSynthetic(published: Published, folder: string, options: SyntheticOptions = {}): void {
  const config = { ...published.config, ...options.config };
  const tensors = tensorsOf(published, config);
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new UsageError(`${folder} is not empty; write to a new folder.`);
  const { dense = false } = options;
  const isDense = typeof dense === 'boolean' ? () => dense : dense;
  const bytes = sumBytes(tensors);
  const denseBytes = sumBytes(tensors.filter(isDense));
  const { bavail, bsize } = statfsSync(folder);
  if (denseBytes > bavail * bsize)
    throw new UsageError(
      `${folder} has room for ${bavail * bsize} bytes, wanted ${denseBytes}; leave out --dense-random.`,
    );
  writeJson(folder, 'config.json', config);
  if (published.generationConfig) writeJson(folder, 'generation_config.json', published.generationConfig);
  const begin = (tensor: TensorSpec) => bytesOf(tensor, isDense(tensor));
  if (published.file === 'pytorch_model.bin') {
    inFile(folder, published.file, (file) => writeTorchFile(file, tensors, begin));
    return;
  }
  const limit = published.shardBytes && (options.shardBytes ?? published.shardBytes);
  const shards = shardsOf(tensors, limit ?? Number.POSITIVE_INFINITY);
  const number = (i: number) => String(i).padStart(5, '0');
  const nameOf = (i: number) =>
    shards.length === 1 ? published.file : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
  for (const [i, shard] of shards.entries()) inFile(folder, nameOf(i), (file) => writeSafetensors(file, shard, begin));
  if (shards.length > 1) {
    const entries = shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)] as const));
    writeJson(folder, `${published.file}.index.json`, {
      metadata: { total_size: bytes },
      weight_map: Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))),
    });
  }
}

/** In their order, as huggingface_hub splits: a file ends before the tensor with which it would be over the limit. */
export function shardsOf(tensors: readonly TensorSpec[], limitBytes: number): TensorSpec[][] {
  const shards: TensorSpec[][] = [[]];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = sumBytes([tensor]);
    if (bytes + size > limitBytes && bytes > 0) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(tensor);
    bytes += size;
  }
  return shards;
}

export function sumBytes(tensors: readonly TensorSpec[]): number {
  return tensors.reduce((sum, { shape, dtype }) => sum + storedBytes(shape, dtype), 0);
}

function writeSafetensors(
  file: number,
  tensors: readonly TensorSpec[],
  begin: (tensor: TensorSpec) => Iterable<Uint8Array>,
): void {
  const header = safetensorsHeader(tensors);
  let at = writeSync(file, header, 0, header.length, 0);
  ftruncateSync(file, at + sumBytes(tensors));
  for (const tensor of tensors) {
    let place = at;
    for (const piece of begin(tensor)) place += writeSync(file, piece, 0, piece.length, place);
    at += storedBytes(tensor.shape, tensor.dtype);
  }
}

function inFile(folder: string, name: string, write: (file: number) => void): void {
  const file = openSync(join(folder, name), 'wx');
  try {
    write(file);
  } finally {
    closeSync(file);
  }
}

function writeJson(folder: string, name: string, value: unknown): void {
  writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'dense-random': { type: 'boolean', default: false } },
  });
  const [name, folder, ...more] = positionals;
  const published = PUBLISHED.get(name ?? '');
  if (!published || !folder || more.length > 0) {
    const names = [...PUBLISHED.keys()].join(', ');
    throw new UsageError(`wanted NAME FOLDER [--dense-random], NAME one of ${names}.`);
  }
  writeSynthetic(published, folder, { dense: values['dense-random'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`synthetic: ${error.message}\n`);
    process.exitCode = 2;
  }
}
