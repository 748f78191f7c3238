/** Training data out of files: tokenised once into shards on disk, and read from there. Also what prepareMemory does. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { type FileKind, findFiles } from './files-node.ts';
import { inputFacts, inputHashes, isSame } from './input-hash-node.ts';
import { emptyManifest, type Manifest, makeTokenFolder, readManifest } from './manifest-node.ts';
import { checkData, type DataOptions, type FilledDataOptions } from './options.ts';
import { type DataContext, encoderFor, fieldsOf, prepareMemory } from './prepare.ts';
import { type PreparedData, preparedFrom } from './prepared.ts';
import { shardStore } from './shard-store-node.ts';
import { TOKENIZE_LIMITS, type TokenizeLimits, type TokenizeProgress, tokenizeFiles } from './tokenize-node.ts';

export interface FileDataContext extends DataContext {
  /** Names the tokenizer: another text for each that gives other ids, such as a digest of its files. Needed for files. */
  readonly tokenizerIdentity?: string | undefined;
  /** Folder to which names of files are relative; default: the current one. */
  readonly directory?: string | undefined;
  /** Called while texts are tokenised. */
  readonly onProgress?: ((progress: TokenizeProgress) => void) | undefined;
  readonly limits?: TokenizeLimits | undefined;
}

/** Changes with what stands in shards for the same texts. */
const VERSION = 1;

/** Where tokens are kept: PORTMANTEAU_CACHE, else a folder of the user's caches. */
export function tokensDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env.PORTMANTEAU_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'portmanteau'), 'tokens');
}

/**
 * Prepares training data. Files are tokenised into a folder of `data.cache` that is named by a digest of their content, the tokenizer and the options;
 * when it is complete, nothing is tokenised, and when it was begun, the rest is. Throws UsageError on a wrong option, on records that cannot be
 * read (with file and line), on a full disk; CheckpointError on damaged shards.
 */
export async function prepareData(options: DataOptions, context: FileDataContext): Promise<PreparedData> {
  const data = checkData(options);
  if (data.files === undefined) return prepareMemory(options, context);
  const { tokenizer, tokenizerIdentity, signal, vocabSize, onProgress, onWarning, limits = TOKENIZE_LIMITS } = context;
  const { encode, eosId } = encoderFor(data, context);
  if (!tokenizer || tokenizerIdentity === undefined)
    throw new UsageError(
      'files are tokenised once and kept, for which the tokenizer needs a name (tokenizerIdentity).',
    );
  const seed = data.seed ?? context.seed;
  const share = data.validationBy === 'documents' ? data.validation : 0;
  const directory = resolve(context.directory ?? '.');
  const found = await filesOf(data, directory, data.kind);
  const facts = await Promise.all(found.map(({ path }) => inputFacts(path)));
  const files = found.map((file, i) => ({ ...file, bytes: facts[i]?.size ?? 0 }));
  const cache = resolve(directory, data.cache ?? tokensDirectory());
  await makeTokenFolder(cache);
  const hashes = await inputHashes(
    files.map(({ path }) => path),
    join(cache, 'inputs.json'),
    signal,
  );
  const { separator, badRecords, ends, addSpecialTokens, splitSpecialTokens } = data;
  const fields = fieldsOf(data);
  const content = files.map(({ kind, isGzip, isForValidation }, i) => ({
    sha256: hashes[i],
    kind,
    isGzip,
    isForValidation,
  }));
  const encoding = [
    tokenizerIdentity,
    context.chatTemplate?.source,
    vocabSize,
    ends,
    addSpecialTokens,
    splitSpecialTokens,
  ];
  const split = [share, share > 0 ? seed : undefined];
  const key = digest([VERSION, encoding, fields, separator, badRecords, split, limits, content]);
  const folder = join(cache, key.slice(0, 32));
  let manifest: Manifest = (await readManifest(folder, key)) ?? emptyManifest(key);
  if (!manifest.isDone) {
    const job = { folder, files, tokenizer, encode, vocabSize, fields, separator, badRecords, share, seed, limits };
    manifest = await tokenizeFiles({ ...job, onProgress, onWarning, signal }, manifest);
    for (const [i, { path }] of files.entries()) {
      if (isSame(await inputFacts(path), facts[i] as (typeof facts)[number])) continue;
      await rm(folder, { recursive: true, force: true });
      throw new UsageError(`${path} changed while it was read: start again, then its tokens are made anew.`);
    }
  }
  const hasHeld = share > 0 || data.validationFiles !== undefined;
  const stores = {
    train: shardStore(folder, manifest, 'train'),
    validation: hasHeld ? shardStore(folder, manifest, 'validation') : undefined,
  };
  return preparedFrom(stores, data, seed, eosId ?? 0);
}

async function filesOf(
  { files = [], validationFiles = [] }: FilledDataOptions,
  directory: string,
  kind: FileKind | undefined,
) {
  const train = await findFiles(files, directory, kind);
  const held = await findFiles(validationFiles, directory, kind);
  const both = held.find(({ path }) => train.some((other) => other.path === path));
  if (both)
    throw new UsageError(
      `${both.path} is both in data.files and in data.validationFiles: leave it out of one of them.`,
    );
  return [
    ...train.map((file) => ({ ...file, isForValidation: false })),
    ...held.map((file) => ({ ...file, isForValidation: true })),
  ];
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
