/** Files that belong to a model: states, vectors, reports, interventions, tensors. */
import { statSync } from 'node:fs';
import { type Model, partsOf } from '../api/model.ts';
import { checkVectors, type VectorNotes, vectorBytes } from '../api/vector-file.ts';
import { UsageError } from '../base/errors.ts';
import { sourceOf } from '../checkpoint/folder-memory.ts';
import { openLocalFile } from '../checkpoint/folder-node.ts';
import { type LoadedTensor, readTensors } from '../checkpoint/load-tensors.ts';
import { type WriteOptions, writeFileWhole } from '../checkpoint/output-node.ts';
import type { Source } from '../checkpoint/source.ts';
import type { Report } from '../figures/figure.ts';
import { reportPage } from '../figures/page.ts';
import type { InterventionSet, VectorTensor } from '../interventions/intervention.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { State } from '../runtime/state.ts';
import { checkState, describeStateOf, readState, type StateDescription, stateBytes } from '../runtime/state-file.ts';
import { readInterventionFile } from './interventions-node.ts';

/**
 * Writes a state to a file (`-`: standard output), complete or not at all. Replaces an existing state, whatever it has read; describeState
 * tells what that is. Throws UsageError when the file cannot be written.
 */
export async function saveState(model: Model, state: State, file: string, options: WriteOptions = {}): Promise<void> {
  await writeFileWhole(file, await stateBytes(partsOf(model), state), options);
}

/** Writes the page of a report (`-`: standard output), complete or not at all. Throws UsageError when it cannot be written. */
export async function saveReport(file: string, report: Report, options: WriteOptions = {}): Promise<void> {
  await writeFileWhole(file, [new TextEncoder().encode(await reportPage(report))], options);
}

/**
 * Writes vectors to a safetensors file (`-`: standard output), complete or not at all, with the identity of the model in its metadata. `notes`:
 * texts on how they were made. Throws UsageError when the file cannot be written.
 */
export async function saveVectors(
  model: Model,
  file: string,
  vectors: ReadonlyMap<string, VectorTensor>,
  notes: VectorNotes = {},
  options: WriteOptions = {},
): Promise<void> {
  await writeFileWhole(file, await vectorBytes(partsOf(model), vectors, notes), options);
}

/**
 * Checks a file of vectors before the weights are loaded: throws CheckpointError when they belong to a model of other sizes. Returns a warning
 * when they belong to the same model with other weights, or else undefined.
 */
export function checkVectorFile(opened: OpenedModel, file: string): Promise<string | undefined> {
  return withFile(file, (source) => checkVectors(opened, source));
}

/**
 * Loads a state from a file that saveState wrote. Throws UsageError when there is none, CheckpointError when it belongs to another model.
 */
export function loadState(model: Model, file: string): Promise<State> {
  return withFile(file, (source) => readState(partsOf(model), source));
}

/** Checks a saved state before the weights are loaded: throws what loadState would throw afterwards. */
export function checkSavedState(opened: OpenedModel, file: string): Promise<void> {
  return withFile(file, (source) => checkState(opened, source));
}

async function withFile<T>(file: string, use: (source: Source) => Promise<T>): Promise<T> {
  const source = await openLocalFile(file);
  if (!source) throw new UsageError(`there is no file ${file}.`);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

/** Describes the state in a file without loading it; undefined when there is no such file, or no state in it. */
export async function describeState(file: string): Promise<StateDescription | undefined> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined; // a pipe can be read only once
  const source = await openLocalFile(file);
  try {
    return source && (await describeStateOf(source));
  } finally {
    await source?.close();
  }
}

/**
 * All tensors of a safetensors file by name, such as `capture --out` or saveTensors wrote; a file by its path, or its bytes. Throws UsageError when
 * there is no such file, CheckpointError when it is damaged or holds types other than F32, F16, BF16, I32, I8 and U8.
 */
export async function loadTensors(
  file: string | Uint8Array | Blob,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Map<string, LoadedTensor>> {
  const source = typeof file === 'string' ? await openLocalFile(file) : sourceOf('the bytes', file);
  if (!source) throw new UsageError(`there is no file ${file}.`);
  return readTensors(source, options.signal);
}

/**
 * Reads interventions from a JSON file, with the vectors in the safetensors file that it names. Throws UsageError when there is no such
 * file or it has no interventions; whether they fit a model is checked when they are used.
 */
export const readInterventions = (file: string): Promise<InterventionSet> => readInterventionFile(file, openLocalFile);
