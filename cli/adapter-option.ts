/** `--adapter DIR`, for commands that run a model. */
import type { Command } from 'commander';
import { type Adapter, checkAdapterFits, type Model, type OpenedModel } from '../src/node.ts';

export interface AdapterFlags {
  readonly adapter?: string;
}

export const adapterOption = <C extends Command>(command: C): C =>
  command.option('--adapter <dir>', 'run the model with this LoRA adapter (a folder that PEFT or train has written)');

/** Checks the adapter before the weights are loaded. */
export const checkAdapter = async (opened: OpenedModel, { adapter }: AdapterFlags): Promise<void> => {
  if (adapter !== undefined) await checkAdapterFits(opened, adapter);
};

export const adapterOf = async (model: Model, { adapter }: AdapterFlags): Promise<Adapter | undefined> =>
  adapter === undefined ? undefined : model.loadAdapter(adapter);
