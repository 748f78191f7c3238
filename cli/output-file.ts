/** Output files of commands: checked before a model is loaded. */
import { existsSync, fstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checkOutputFile, type OpenedModel, UsageError } from '../src/node.ts';

/** Throws UsageError when a file cannot be written. */
export async function checkOutput(path: string | undefined): Promise<void> {
  if (path !== undefined) await checkOutputFile(path);
}

/** Throws UsageError when two flags name one file, also through links; `files`: flags and what they came as. Devices and pipes may be shared. */
export function checkApart(files: Readonly<Record<string, string | undefined>>): void {
  const places = new Map<string, string>();
  for (const [flag, path] of Object.entries(files)) {
    if (path === undefined || isShared(path)) continue;
    const place = placeOf(path);
    const other = places.get(place);
    if (other !== undefined)
      throw new UsageError(`${other} and ${flag} both write ${path}: give each a file of its own.`);
    places.set(place, flag);
  }
}

const isShared = (path: string): boolean =>
  path === '-' || statSync(path, { throwIfNoEntry: false })?.isFile() === false;

/** Folders are there: `checkOutput` has looked. */
function placeOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
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
