/** Adapters as folders: described without their model, and merged into it. */
import { readAdapterConfig } from '../adapters/config.ts';
import { adapterKey, adapterTraces } from '../adapters/digest.ts';
import { type AdapterFile, openAdapter, openWeights } from '../adapters/file.ts';
import { checkMerges, mergeInto } from '../adapters/merge.ts';
import { type Model, partsOf } from '../api/model.ts';
import { localFolder } from '../checkpoint/folder-node.ts';
import { readSafetensors } from '../checkpoint/safetensors.ts';
import type { Traces as AdapterTraces } from '../interventions/provenance.ts';
import type { OpenedModel } from '../loader/open.ts';

export type { AdapterTraces };

export interface AdapterDescription {
  /** As its file names it. */
  readonly base: string | undefined;
  readonly rank: number;
  readonly alpha: number;
  readonly rslora: boolean;
  /** Names and shapes of the stored tensors. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[];
  readonly parameters: number;
}

/** Describes an adapter without its model. Throws CheckpointError when it is damaged or not supported. */
export async function describeAdapter(folder: string): Promise<AdapterDescription> {
  const place = localFolder(folder);
  const config = await readAdapterConfig(place);
  const source = await openWeights(place);
  try {
    const tensors = (await readSafetensors(source)).map(({ name, shape, dtype }) => ({ name, shape, dtype }));
    const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((all, n) => all * n, 1), 0);
    const { r, lora_alpha, use_rslora, base_model_name_or_path: base } = config;
    return { base: base ?? undefined, rank: r, alpha: lora_alpha, rslora: use_rslora, tensors, parameters };
  } finally {
    await source.close();
  }
}

async function withAdapter<T>(
  folder: string,
  opened: OpenedModel,
  use: (file: AdapterFile) => T | Promise<T>,
): Promise<T> {
  const file = await openAdapter(localFolder(folder), opened);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** Checks an adapter against a model before its weights are loaded. `merges`: also that it can be merged. Throws as loading and merging do. */
export function checkAdapterFits(opened: OpenedModel, folder: string, { merges = false } = {}): Promise<void> {
  return withAdapter(folder, opened, (file) => {
    if (merges) checkMerges(file);
  });
}

/** What states that are read with an adapter remember of it; for checkStateContinues, before the weights are loaded. Throws as checkAdapterFits. */
export function adapterTracesOf(opened: OpenedModel, folder: string): Promise<AdapterTraces> {
  return withAdapter(folder, opened, async (file) => adapterTraces(await adapterKey(file)));
}

/**
 * Adds an adapter to the weights of a loaded model, for good: saveModel then writes an ordinary checkpoint. States and caches that the model has
 * made before are of no use afterwards. Throws UsageError when weights are packed.
 */
export function mergeAdapter(model: Model, folder: string, signal?: AbortSignal): Promise<void> {
  const { opened, engine } = partsOf(model);
  return withAdapter(folder, opened, (file) => engine.pool.turn(() => mergeInto(file, engine.backend, signal)));
}
