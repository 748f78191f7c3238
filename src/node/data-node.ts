/** What preparing training data needs of a model that is open: tokenizer, its identity, chat template. */
import { createHash } from 'node:crypto';
import type { Folder } from '../checkpoint/source.ts';
import { readBytes } from '../checkpoint/source.ts';
import type { FileDataContext } from '../data/prepare-node.ts';
import { openChatTemplate } from '../loader/chat-template.ts';
import type { OpenedModel } from '../loader/open.ts';

/** All that the ids of a text depend on. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
];

const MAX_BYTES = 128 << 20;

/** A model with what writes texts for it as ids. */
export interface Tokenized {
  readonly tokenizer: OpenedModel['tokenizer'];
  readonly model: { readonly facts: { readonly vocabSize: number } };
  /** Where the tokenizer is, when it is not in the folder of the checkpoint. */
  readonly tokenizerFolder: Folder | undefined;
  readonly checkpoint?: { readonly folder: Folder };
}

/** For prepareData, with the seed of the run. Throws CheckpointError when a file of the tokenizer is damaged. */
export async function dataContext(
  opened: Tokenized,
  seed: number,
): Promise<Pick<FileDataContext, 'seed' | 'vocabSize' | 'tokenizer' | 'tokenizerIdentity' | 'chatTemplate'>> {
  const { tokenizer, model, tokenizerFolder: folder = opened.checkpoint?.folder } = opened;
  return {
    seed,
    vocabSize: model.facts.vocabSize,
    tokenizer,
    tokenizerIdentity: tokenizer && folder && (await identityOf(folder)),
    chatTemplate: tokenizer && folder && (await openChatTemplate(folder)),
  };
}

async function identityOf(folder: Folder): Promise<string> {
  const hash = createHash('sha256');
  for (const name of TOKENIZER_FILES) {
    const bytes = await readBytes(folder, name, MAX_BYTES);
    hash.update(`${name} ${bytes?.length ?? 'absent'}\n`).update(bytes ?? '');
  }
  return hash.digest('hex');
}
