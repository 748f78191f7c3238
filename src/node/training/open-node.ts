/** Opens the model that a run trains: a checkpoint, or a new model in memory. */

import { UsageError } from '../../base/errors.ts';
import { readJson } from '../../checkpoint/checkpoint.ts';
import { memoryFolder } from '../../checkpoint/folder-memory.ts';
import type { Folder } from '../../checkpoint/source.ts';
import { MAX_CONFIG_BYTES, type OpenedModel, type OpenOptions, openModel } from '../../loader/open.ts';
import type { TrainingConfig } from '../../training/config.ts';
import { type NewModel, newModel } from '../../training/initialize/new-model.ts';
import { matcher } from '../../training/parameter-groups.ts';
import type { Segment } from '../../training/segments.ts';
import { openOptionsFor } from '../../training/trainer-for.ts';

/** How the entry point opens models. */
export interface Openers {
  /** A checkpoint by its reference. */
  open(reference: string, options: OpenOptions & { readonly tokenizer?: string | undefined }): Promise<OpenedModel>;
  /** The files of a model by its reference, without its weights. */
  folderOf(reference: string): Promise<Folder>;
}

/**
 * `at`: the checkpoint from which a run goes on; undefined at its beginning. `checkMemory`: called with the least bytes that a new model takes,
 * before its weights are made.
 */
export async function openForTraining(
  openers: Openers,
  config: TrainingConfig,
  segment: Segment,
  at: string | undefined,
  options: OpenOptions,
  checkMemory: (bytes: number) => void = () => {},
): Promise<OpenedModel> {
  const all = { ...options, ...openOptionsFor(config), ...changes(segment) };
  const { tokenizer, model, initialize } = config;
  if (at !== undefined) return openers.open(at, all);
  if (!initialize) return openers.open(model as string, { ...all, tokenizer });
  const own = await newConfigOf(openers, config);
  const made = newModel({ config: own, rules: initialize.rules, seed: config.seed, innerNorm: config.innerNorm });
  checkMemory(leastBytes(made, config));
  const named = tokenizer ?? model;
  const tokenizerFolder = named === undefined ? undefined : await openers.folderOf(named);
  return openModel(await inMemory(made.files), { ...all, tokenizerFolder });
}

/** Of weights, gradients and the two moments of the optimiser, f32. */
function leastBytes({ tensors }: Pick<NewModel, 'tensors'>, { freeze }: TrainingConfig): number {
  const isFrozen = matcher(freeze);
  return tensors.reduce(
    (sum, { name, shape }) => sum + (isFrozen(name) ? 4 : 16) * shape.reduce((a, b) => a * b, 1),
    0,
  );
}

const changes = ({ config }: Segment) => (Object.keys(config).length > 0 ? { config } : {});

/** config.json of the new model of a configuration. */
export async function newConfigOf(openers: Openers, { initialize, model }: TrainingConfig) {
  return initialize?.config ?? (await configOf(openers, model as string));
}

async function configOf({ folderOf }: Openers, model: string): Promise<{ readonly [key: string]: unknown }> {
  const config = await readJson(await folderOf(model), 'config.json', MAX_CONFIG_BYTES);
  if (!config) throw new UsageError(`${model} has no config.json for the new model: give "initialize": { "config" }.`);
  return config;
}

async function inMemory(files: ReturnType<typeof newModel>['files']): Promise<Folder> {
  const contents = new Map<string, Uint8Array>();
  for (const { name, bytes } of files) {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes()) pieces.push(piece);
    contents.set(name, new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
  }
  return memoryFolder(contents, 'the new model');
}
