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

/** Opens a model, runs `check`, and closes it. No weights are read. */
export function checkModel(
  reference: string,
  flags: ModelFlags,
  check: (opened: OpenedModel) => void | Promise<void>,
): Promise<void> {
  return withProgress('loading', flags, async ({ onWarning, ...options }) => {
    const opened = await openPretrained(reference, options);
    try {
      await check(opened);
    } finally {
      await opened.checkpoint.close();
    }
  });
}

/** Opens a model, runs `check`, loads the weights, runs `use`, and frees everything. */
export async function withModel<T>(
  reference: string,
  flags: ModelFlags,
  check: (opened: OpenedModel) => void | Promise<void>,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const model = await withProgress('loading', flags, async (options) => {
    const opened = await openPretrained(reference, options);
    try {
      await check(opened); // reading the weights may take minutes
    } catch (error) {
      await opened.checkpoint.close();
      throw error;
    }
    return loadOpened(opened, options);
  });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}
