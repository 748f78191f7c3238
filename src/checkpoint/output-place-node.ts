/** Resolves the path of an output file, and the kind of file there. */
import { fstatSync } from 'node:fs';
import { access, constants, lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { refused, STANDARD_OUTPUT, type SystemError } from './write-errors.ts';

export type Place =
  /** A regular file that exists (`before`) or can be made. `path` is not a link. */
  | {
      readonly kind: 'regular';
      readonly path: string;
      readonly before:
        | { readonly mode: number; readonly uid: number; readonly gid: number; readonly nlink: number }
        | undefined;
    }
  /** A device, a pipe or a socket. */
  | { readonly kind: 'special'; readonly path: string }
  /** A file that this process has open: /dev/stdout, /dev/fd/3. Opening it again would write from its beginning. */
  | { readonly kind: 'descriptor'; readonly descriptor: number };

/** Most links to follow, as in Linux. */
const MAX_LINKS = 40;

/** Follows links. Throws UsageError for a folder, for links in a circle, and for a name without a folder. */
export async function placeOf(file: string): Promise<Place> {
  if (file === STANDARD_OUTPUT) return { kind: 'descriptor', descriptor: 1 };
  if (file === '') throw new UsageError('the name of the file to write is empty.');
  if (/[\\/]$/.test(file)) throw new UsageError(`${file} cannot be written: it is the name of a folder.`);
  let path = resolve(file);
  for (let links = 0; links <= MAX_LINKS; links++) {
    const descriptor = descriptorOf(path);
    if (descriptor !== undefined) return { kind: 'descriptor', descriptor };
    // Dots in the target of a link are relative to the real folder of the link.
    path = join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path));
    const found = await lstat(path).catch(() => undefined); // an error shows itself when it is opened
    if (!found?.isSymbolicLink()) return kindOf(file, path);
    path = resolve(dirname(path), await readlink(path));
  }
  throw new UsageError(`${file} cannot be written: its symbolic links lead in a circle.`);
}

async function kindOf(file: string, path: string): Promise<Place> {
  const before = await stat(path).catch(() => undefined);
  if (before?.isDirectory()) throw new UsageError(`${file} cannot be written: it is a folder.`);
  if (!before || before.isFile()) return { kind: 'regular', path, before };
  return { kind: 'special', path };
}

const NAMED: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2 };

/** The number in /dev/fd/N and similar names, when it is of this process. */
function descriptorOf(path: string): number | undefined {
  const [, owner, number] = /^\/(?:dev|proc\/(self|thread-self|\d+))\/fd\/(\d+)$/.exec(path) ?? [];
  if (number === undefined) return NAMED[path];
  return owner === undefined || /^\D/.test(owner) || Number(owner) === process.pid ? Number(number) : undefined;
}

/** Throws UsageError when a file cannot be written, as far as that can be tested without writing; called before a model is loaded. */
export async function checkOutputFile(file: string): Promise<void> {
  const place = await placeOf(file);
  try {
    if (place.kind === 'descriptor') fstatSync(place.descriptor);
    else if (place.kind === 'special') await access(place.path, constants.W_OK);
    else await checkRegular(place.path, place.before !== undefined);
  } catch (error) {
    throw refused(file, error as SystemError);
  }
}

/** Checks that a file can be made in its folder, or that the existing one can be written. */
async function checkRegular(path: string, exists: boolean): Promise<void> {
  const folder = await stat(dirname(path));
  if (!folder.isDirectory()) throw Object.assign(new Error(`${dirname(path)} is no folder`), { code: 'ENOTDIR' });
  await access(dirname(path), constants.W_OK | constants.X_OK).catch(async (error) => {
    if (!exists) throw error;
    await access(path, constants.W_OK);
  });
}
