/** Output files of commands: checked before a model is loaded. */
import { fstatSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkOutputFile, type OpenedModel, UsageError } from '../src/node.ts';

/** Throws UsageError when a file cannot be written. */
export async function checkOutput(path: string | undefined): Promise<void> {
  if (path !== undefined) await checkOutputFile(path);
}

/** Throws UsageError when an output file is a file of the model, also through links. */
export function checkNotOfModel(path: string | undefined, { checkpoint }: OpenedModel): void {
  const target = path === undefined ? undefined : statsOf(path);
  if (!target?.isFile()) return;
  const { folder, files } = checkpoint;
  for (const name of [...files.map(({ name }) => name), ...SMALL_FILES]) {
    if (isSame(target, statsOf(join(folder.name, name))))
      throw new UsageError(`${path} is ${name} of the model itself; choose another name for what is to be written.`);
  }
}

const SMALL_FILES = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];

/** Is this file the standard output of the command? */
export function isStandardOutput(path: string): boolean {
  if (path === '-' || path === '/dev/stdout') return true;
  const target = statsOf(path);
  // A terminal or /dev/null can have two writers.
  return target !== undefined && !target.isCharacterDevice() && isSame(target, fstatSync(1));
}

/** Prints text about a file that was written: on stderr when the file is standard output. */
export function printBeside(path: string, text: string): void {
  (isStandardOutput(path) ? process.stderr : process.stdout).write(text);
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // no such file
  }
}

const isSame = (a: Stats, b: Stats | undefined): boolean => b !== undefined && a.dev === b.dev && a.ino === b.ino;
