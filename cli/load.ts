/** Loads what a command works on, with progress on the terminal. */
import { fromPretrained, type Model, type PretrainedOptions } from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import type { ModelFlags } from './options.ts';
import { progressBar } from './progress.ts';

/** Runs `work` with options that carry the flags, Ctrl-C, warnings and a progress bar; the bar is gone when it ends. */
export async function withProgress<T>(
  label: string,
  flags: ModelFlags,
  work: (options: PretrainedOptions) => Promise<T>,
): Promise<T> {
  const { ignoreConfigKeys, weights, threads, revision, tokenizer } = flags;
  const bar = progressBar(label);
  try {
    return await work({
      weights,
      threads,
      revision,
      tokenizer,
      ignoreConfigKeys: ignoreConfigKeys?.split(',').map((key) => key.trim()),
      signal: interrupt.signal,
      onWarning: (message) => bar.warn(message),
      onProgress: ({ loaded, total }) => bar.update(loaded, total),
      hub: { onProgress: ({ loaded, total, file }) => bar.update(loaded, total, file) },
    });
  } finally {
    bar.end();
  }
}

/** Loads a model, runs `use`, and gives everything back. */
export async function withModel<T>(
  reference: string,
  flags: ModelFlags,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const model = await withProgress('loading', flags, (options) => fromPretrained(reference, options));
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}
