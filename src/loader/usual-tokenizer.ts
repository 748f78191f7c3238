/** Checkpoints of some families have no tokenizer, and are used with that of another model. */

import { CheckpointError } from '../base/errors.ts';
import { readJson } from '../checkpoint/checkpoint.ts';
import type { Folder } from '../checkpoint/source.ts';
import { familyOf } from '../models/index.ts';
import { MAX_CONFIG_BYTES, type OpenedModel, type OpenOptions, openModel } from './open.ts';

/** The hub id of the tokenizer to use; undefined when the family has no default. */
export async function usualTokenizerOf(folder: Folder): Promise<string | undefined> {
  const config = await readJson(folder, 'config.json', MAX_CONFIG_BYTES);
  return config && familyOf(config).usualTokenizer;
}

/**
 * As openModel, for a checkpoint on the hub. When it has no tokenizer, `find` downloads the usual one; if that fails, a warning is given
 * and the model has no tokenizer.
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
