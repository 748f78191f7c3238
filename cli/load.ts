/** Loads models for commands, with progress on the terminal. */
import {
  loadOpened,
  type Model,
  type OpenedModel,
  openPretrained,
  PRETRAINED_OPTIONS,
  type PretrainedOptions,
} from '../src/node.ts';
import { pickOptions } from '../src/options/check.ts';
import { interrupt } from './interrupt.ts';
import type { ModelFlags } from './model-options.ts';
import { progressBar } from './progress.ts';

/** Options made of the flags, an abort signal for Ctrl-C, and warnings and progress of loading and of downloads on the bar. */
export const optionsWithProgress = (flags: ModelFlags, bar: ReturnType<typeof progressBar>): PretrainedOptions => ({
  generationConfig: false,
  ...pickOptions(flags, PRETRAINED_OPTIONS),
  signal: interrupt.signal,
  onWarning: (message) => bar.warn(message),
  onProgress: ({ loaded, total }) => bar.update(loaded, total),
  hub: { onProgress: ({ loaded, total, file }) => bar.update(loaded, total, file) },
});

/** Runs `work` with options made of the flags, an abort signal for Ctrl-C, warnings and a progress bar, which is removed at the end. */
export async function withProgress<T>(
  label: string,
  flags: ModelFlags,
  work: (options: PretrainedOptions) => Promise<T>,
): Promise<T> {
  const bar = progressBar(label);
  try {
    return await work(optionsWithProgress(flags, bar));
  } finally {
    bar.end();
  }
}

/** A model that was looked at. No weights are read before `use`. */
export interface CheckedModel {
  /** Loads the weights, runs `work`, and frees everything. Once only. */
  use<T>(work: (model: Model) => Promise<T>): Promise<T>;
  /** For models that are not used; without effect on others. */
  close(): Promise<void>;
}

/** Opens a model and runs `check`. */
export async function openChecked(
  reference: string,
  flags: ModelFlags,
  check: (opened: OpenedModel) => void | Promise<void>,
): Promise<CheckedModel> {
  let opened: OpenedModel | undefined = await withProgress('loading', flags, async (options) => {
    const found = await openPretrained(reference, options);
    try {
      await check(found); // reading the weights may take minutes
      return found;
    } catch (error) {
      await found.checkpoint.close();
      throw error;
    }
  });
  const taken = (): OpenedModel => {
    if (!opened) throw new Error('a model that was looked at is used once');
    const given = opened;
    opened = undefined;
    return given;
  };
  return {
    async use(work) {
      const model = await withProgress('loading', flags, (options) => loadOpened(taken(), options));
      try {
        return await work(model);
      } finally {
        await model.dispose();
      }
    },
    async close() {
      if (opened) await taken().checkpoint.close();
    },
  };
}

/** Opens a model, runs `check`, loads the weights, runs `use`, and frees everything. */
export async function withModel<T>(
  reference: string,
  flags: ModelFlags,
  check: (opened: OpenedModel) => void | Promise<void>,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  return (await openChecked(reference, flags, check)).use(use);
}
