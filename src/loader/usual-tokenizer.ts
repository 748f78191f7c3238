/** Checkpoints of some families come without a tokenizer, and are used with that of another model. */

import { CheckpointError } from '../base/errors.ts';
import { readJson } from '../checkpoint/checkpoint.ts';
import type { Folder } from '../checkpoint/source.ts';
import { familyOf } from '../models/index.ts';
import { MAX_CONFIG_BYTES, type OpenedModel, type OpenOptions, openModel } from './open.ts';

/** The hub id of the model whose tokenizer is used; undefined where the family has none. */
export async function usualTokenizerOf(folder: Folder): Promise<string | undefined> {
  const config = await readJson(folder, 'config.json', MAX_CONFIG_BYTES);
  return config && familyOf(config).usualTokenizer;
}

/**
 * As openModel, of a checkpoint on the hub: where it has no tokenizer, with the one that `find` gets from there. When that fails, there is a warning,
 * and no tokenizer.
 */
export async function openFromHub(
  folder: Folder,
  options: OpenOptions,
  find: (hubId: string) => Folder | Promise<Folder>,
): Promise<OpenedModel> {
  const opened = await openModel(folder, options);
  const { usualTokenizer } = opened;
  if (opened.tokenizer || usualTokenizer === undefined) return opened;
  try {
    const again = await openModel(folder, { ...options, tokenizerFolder: await find(usualTokenizer) });
    if (!again.tokenizer) {
      await again.checkpoint.close();
      throw new CheckpointError(`${usualTokenizer} has no tokenizer.json.`);
    }
    await opened.checkpoint.close();
    return again;
  } catch (error) {
    options.signal?.throwIfAborted();
    options.onWarning?.(`no tokenizer, so only token ids are understood: ${(error as Error).message}`);
    return opened;
  }
}
