/** Writes a run as a folder for Python's trainers (src/training/export): initial checkpoint, tokenised rows, plan and program. */

import type { SavedFile } from '../../checkpoint/save.ts';
import { checkNewFolder, writeFolderWhole } from '../../checkpoint/save-node.ts';
import type { Folder } from '../../checkpoint/source.ts';
import { prepareData } from '../../data/prepare-node.ts';
import { openTokenizer } from '../../loader/open.ts';
import { type TrainingConfig, type TrainingOptions, trainingConfig } from '../../training/config.ts';
import { checkExport, exportedFiles } from '../../training/export/export-plan.ts';
import { newModel } from '../../training/initialize/new-model.ts';
import { runData } from '../../training/run-data.ts';
import { stagesFor } from '../../training/stages-for.ts';
import { dataContext, TOKENIZER_FILES, type Tokenized } from '../data-node.ts';
import { newConfigOf, type Openers, openForTraining } from './open-node.ts';
import type { SessionOptions } from './session-node.ts';

/** As it is before its first step. */
interface Beginning extends Tokenized {
  /** config.json. */
  readonly config: { readonly [key: string]: unknown };
  readonly files: readonly SavedFile[];
  close(): Promise<void>;
}

/** Throws UsageError, before anything is tokenised, for a run that other trainers cannot follow, and when the folder is not empty. */
export async function exportRun(
  openers: Openers,
  given: TrainingOptions,
  folder: string,
  { signal, onWarning, onTokenize }: SessionOptions,
): Promise<void> {
  const config = trainingConfig(given);
  checkExport(config);
  await checkNewFolder(folder);
  const beginning = await (config.initialize ? ofNewModel : ofCheckpoint)(openers, config, { signal, onWarning });
  try {
    const context = { ...(await dataContext(beginning, config.seed)), onWarning, signal, onProgress: onTokenize };
    const data = await runData(config, (some) => prepareData(some, context));
    try {
      const rows = stagesFor(config).map((stage) => data.rowsOf(stage));
      const files = await exportedFiles({ config, model: beginning.config, checkpoint: beginning.files, rows });
      await writeFolderWhole(folder, files, { signal });
    } finally {
      await data.close();
    }
  } finally {
    await beginning.close();
  }
}

async function ofNewModel(openers: Openers, config: TrainingConfig): Promise<Beginning> {
  const { initialize, model: reference, tokenizer: other = reference, seed } = config;
  const own = await newConfigOf(openers, config);
  const { files, model } = newModel({ config: own, rules: initialize?.rules ?? [], seed });
  const folder = other === undefined ? undefined : await openers.folderOf(other);
  const tokenizer = await openTokenizer(folder);
  const copied = folder ? await copies(folder, TOKENIZER_FILES) : [];
  return {
    config: own,
    files: [...files, ...copied],
    model,
    tokenizer,
    tokenizerFolder: folder,
    close: async () => {},
  };
}

async function ofCheckpoint(
  openers: Openers,
  config: TrainingConfig,
  options: Pick<SessionOptions, 'signal' | 'onWarning'>,
): Promise<Beginning> {
  const unchanged = { first: 0, end: 0, config: {}, weightDecay: 0 };
  const opened = await openForTraining(openers, config, unchanged, undefined, options);
  const { checkpoint, model, tokenizer, tokenizerFolder } = opened;
  const { folder, files } = checkpoint;
  const weights = files.map(({ name }) => name);
  const indices = (await folder.list()).filter((name) => /\.index\.json$/.test(name));
  const own = await copies(folder, ['config.json', 'generation_config.json', ...weights, ...indices]);
  const named = await copies(tokenizerFolder ?? folder, TOKENIZER_FILES);
  return {
    ...{ config: opened.config, files: [...own, ...named], model, tokenizer },
    tokenizerFolder: tokenizerFolder ?? folder,
    close: () => checkpoint.close(),
  };
}

const PIECE = 8 << 20; // bytes read at a time

/** Those of these files that a folder has. */
async function copies(folder: Folder, names: readonly string[]): Promise<SavedFile[]> {
  const files: SavedFile[] = [];
  for (const name of names) {
    const source = await folder.open(name);
    await source?.close();
    if (source) files.push({ name, bytes: () => bytesOf(folder, name) });
  }
  return files;
}

async function* bytesOf(folder: Folder, name: string): AsyncGenerator<Uint8Array> {
  const source = await folder.open(name);
  if (!source) return;
  try {
    for (let at = 0; at < source.size; at += PIECE) {
      const piece = new Uint8Array(Math.min(PIECE, source.size - at));
      await source.read(at, piece);
      yield piece;
    }
  } finally {
    await source.close();
  }
}
