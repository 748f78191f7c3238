/** What the tests of training data share: a tokenizer, folders that are removed, rows as lists. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TrainingRows } from '../../src/data/batches.ts';
import { prepareData as prepareOpen } from '../../src/data/prepare-node.ts';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';

const json = (path: string) => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

/** Byte-level BPE, a few hundred tokens, the end of text is <|endoftext|>. */
export const tokenizer: Tokenizer = createTokenizer(
  json('models/backpack-tiny/tokenizer.json'),
  json('models/backpack-tiny/tokenizer_config.json'),
);

export const context = { tokenizer, vocabSize: tokenizer.vocabSize, seed: 1, tokenizerIdentity: 'tiny' };

export const eos = tokenizer.eosId as number;

export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As the library's, closed at the end of the test. */
export const prepareData: typeof prepareOpen = async (options, context) => {
  const data = await prepareOpen(options, context);
  onTestFinished(() => data.close());
  return data;
};

/** The rows of a pass in the order of the source, with their masks. */
export async function passOf(rows: TrainingRows | undefined): Promise<{ ids: number[]; mask: number[] | undefined }[]> {
  const all: { ids: number[]; mask: number[] | undefined }[] = [];
  for await (const batch of rows?.inOrder({ size: 3 }) ?? [])
    for (const { ids, targetsMask } of batch.rows) all.push({ ids: [...ids], mask: targetsMask && [...targetsMask] });
  return all;
}

export const idsOf = async (rows: TrainingRows | undefined) => (await passOf(rows)).map(({ ids }) => ids);
