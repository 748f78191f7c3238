/** `--adapter DIR`, for commands that run a model. */
import type { Command } from 'commander';
import {
  type Adapter,
  type AdapterTraces,
  adapterTracesOf,
  checkAdapterFits,
  locateAdapter,
  type Model,
  type OpenedModel,
} from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import { progressBar } from './progress.ts';

export interface AdapterFlags {
  readonly adapter?: string;
}

export const adapterOption = <C extends Command>(command: C): C =>
  command.option(
    '--adapter <dir>',
    'run the model with this LoRA adapter: a folder that PEFT or train has written, or a hub id',
  );

/** Folders by the names that were given: the hub is asked once. */
const folders = new Map<string, Promise<string>>();

/** The folder of an adapter, downloaded if it is on the hub. */
export function adapterFolder(reference: string): Promise<string> {
  const known = folders.get(reference) ?? located(reference);
  folders.set(reference, known);
  return known;
}

async function located(reference: string): Promise<string> {
  const bar = progressBar('downloading');
  try {
    return await locateAdapter(reference, {
      signal: interrupt.signal,
      onWarning: (message) => bar.warn(message),
      onProgress: ({ loaded, total, file }) => bar.update(loaded, total, file),
    });
  } finally {
    bar.end();
  }
}

/** Checks the adapter before the weights are loaded. */
export const checkAdapter = async (opened: OpenedModel, { adapter }: AdapterFlags): Promise<void> => {
  if (adapter !== undefined) await checkAdapterFits(opened, await adapterFolder(adapter));
};

/** Checks the adapter likewise; what states that are read with it remember. */
export const tracesOfAdapter = async (
  opened: OpenedModel,
  { adapter }: AdapterFlags,
): Promise<AdapterTraces | undefined> =>
  adapter === undefined ? undefined : adapterTracesOf(opened, await adapterFolder(adapter));

export const adapterOf = async (model: Model, { adapter }: AdapterFlags): Promise<Adapter | undefined> =>
  adapter === undefined ? undefined : model.loadAdapter(await adapterFolder(adapter));
