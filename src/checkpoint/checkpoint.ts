/** All tensors of a folder, over all its files. */
import { CheckpointError, quote } from '../base/errors.ts';
import { otherFiles } from './other-files.ts';
import { readSafetensors, type StoredTensor } from './safetensors.ts';
import { checkFileName, type Folder, readJson, type Source } from './source.ts';

export { readJson } from './source.ts';

export interface Checkpoint {
  readonly folder: Folder;
  readonly format: 'safetensors' | 'pytorch';
  /** Tensors by their stored names, in the order of the files. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Tensors that the index lists but no file has -> the file that it names. */
  readonly absent: ReadonlyMap<string, string>;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** Throws CheckpointError when a file was changed or replaced since it was opened: the tensors read may be from both versions. */
  checkUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/** Its code is loaded when there is such a file: most pages never meet one. */
const readPyTorch = async (source: Source) => (await import('./pytorch.ts')).readPyTorch(source);

/** Layouts of weight files, in the order in which transformers tries them. */
const LAYOUTS = [
  { format: 'safetensors', file: 'model.safetensors', read: readSafetensors },
  { format: 'pytorch', file: 'pytorch_model.bin', read: readPyTorch },
] as const;

/** The index of a model with 10^5 tensors has about 10 MB. */
const MAX_INDEX_BYTES = 64 << 20;
const MAX_SHARDS = 4096;

/**
 * Reads the headers of all files. Throws CheckpointError when there are no weights, or when the files contradict each other. As in
 * transformers, an index only lists the files; other wrong entries are warnings.
 */
export async function openCheckpoint(folder: Folder, onWarning?: (message: string) => void): Promise<Checkpoint> {
  for (const { format, file, read } of LAYOUTS) {
    const single = await folder.open(file);
    if (single) return assemble(folder, format, [[file, single]], read);
    const index = await readIndex(folder, `${file}.index.json`);
    if (!index) continue;
    const opened: [string, Source][] = [];
    try {
      for (const shard of new Set(index.values())) {
        const source = await folder.open(shard);
        if (!source)
          throw new CheckpointError(
            `${folder.name}/${file}.index.json names ${shard}, which is missing${hintOf(folder)}.`,
          );
        opened.push([shard, source]);
      }
    } catch (error) {
      await Promise.all(opened.map(([, source]) => source.close()));
      throw error;
    }
    const checkpoint = await assemble(folder, format, opened, read, index);
    if (checkpoint.absent.size > 0) {
      const names = [...checkpoint.absent.keys()];
      const list = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
      const are = names.length === 1 ? 'tensor that is' : 'tensors that are';
      onWarning?.(`${file}.index.json lists ${names.length} ${are} in none of the files: ${list}.`);
    }
    return checkpoint;
  }
  throw await noWeights(folder);
}

/** The error for a folder without weights, with what it contains. */
async function noWeights(folder: Folder): Promise<CheckpointError> {
  const names = await folder.list();
  const found = names.length > 0 ? `, found ${names.slice(0, 20).join(', ')}` : '';
  const wanted = 'wanted model.safetensors or pytorch_model.bin (or their .index.json)';
  return new CheckpointError(
    `${folder.name} has no weights: ${wanted}${found}${hintOf(folder)}. ${otherFiles(names)}`.trimEnd(),
  );
}

/** The folder's hint as the end of a sentence. */
function hintOf(folder: Folder): string {
  const hint = folder.hint?.();
  return hint ? `: ${hint}` : '';
}

async function assemble(
  folder: Folder,
  format: Checkpoint['format'],
  sources: readonly (readonly [string, Source])[],
  read: (source: Source) => Promise<StoredTensor[]>,
  index?: ReadonlyMap<string, string>,
): Promise<Checkpoint> {
  const close = async () => {
    await Promise.all(sources.map(([, source]) => source.close()));
  };
  const checkUnchanged = async () => {
    for (const [, source] of sources) {
      if (!(await source.changed?.())) continue;
      throw new CheckpointError(
        `${source.name} has been changed while the model was read from it: load it again when nothing writes to it.`,
      );
    }
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    const fileOf = new Map<string, string>();
    for (const [file, source] of sources) {
      for (const tensor of await read(source)) {
        const before = fileOf.get(tensor.name);
        if (before !== undefined)
          throw new CheckpointError(`'${tensor.name}' is in ${before} and again in ${file}; one must go.`);
        tensors.set(tensor.name, tensor);
        fileOf.set(tensor.name, file);
      }
    }
    const absent = new Map([...(index ?? [])].filter(([name]) => !tensors.has(name)));
    return {
      folder,
      format,
      tensors,
      absent,
      files: sources.map(([name, { size }]) => ({ name, size })),
      checkUnchanged,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Tensor name -> file name. */
async function readIndex(folder: Folder, file: string): Promise<Map<string, string> | undefined> {
  const json = await readJson(folder, file, MAX_INDEX_BYTES);
  if (!json) return undefined;
  const map = json.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new CheckpointError(`${folder.name}/${file} has no 'weight_map' of tensor names to file names.`);
  const entries = Object.entries(map);
  for (const [name, shard] of entries) {
    if (typeof shard !== 'string')
      throw new CheckpointError(`${folder.name}/${file} puts '${name}' into ${quote(shard)}, wanted a file name.`);
    checkFileName(shard);
  }
  const index = new Map(entries as [string, string][]);
  const shards = new Set(index.values()).size;
  if (shards === 0 || shards > MAX_SHARDS)
    throw new CheckpointError(`${folder.name}/${file} names ${shards} files, wanted 1 to ${MAX_SHARDS}.`);
  return index;
}
