/**
 * Writes files; all output goes through here. A regular file is written to a temporary file and then renamed, so that it is replaced only
 * when complete. Other files (a device, a pipe, standard output) are written directly. Links are followed.
 */
import { constants, createReadStream, write } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../base/errors.ts';
import { type Place, placeOf } from './output-place-node.ts';
import { discard, hold, release, removeAbandoned, temporaryBeside, temporaryName } from './temporary-node.ts';
import { refused, type SystemError } from './write-errors.ts';

export interface WriteOptions {
  /** Ends the wait for the reader of a pipe, and stops between two chunks. */
  readonly signal?: AbortSignal | undefined;
}

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Writes `file`; `-` is standard output. A regular file keeps its permissions, and is unchanged until the new one is complete. Throws
 * UsageError when the file cannot be written or the disk is full; then no temporary file is left.
 */
export async function writeFileWhole(file: string, bytes: Bytes, { signal }: WriteOptions = {}): Promise<void> {
  const place = await placeOf(file);
  const { kind } = place;
  if (kind === 'descriptor') return writeTo(place.descriptor, bytes, signal).catch((error) => fail(file, error));
  if (kind === 'special') return writeSpecial(place.path, bytes, signal).catch((error) => fail(file, error));
  await writeRegular(file, place, bytes, signal);
}

function fail(file: string, error: unknown): never {
  throw refused(file, error as SystemError);
}

/** Errors of renaming where the file itself may be writable: it is a mount point, or in a folder such as /tmp. */
const NOT_RENAMED = ['EBUSY', 'EXDEV', 'EPERM', 'EACCES'];

async function writeRegular(file: string, place: Place & { kind: 'regular' }, bytes: Bytes, signal?: AbortSignal) {
  const { path, before } = place;
  const temporary = await openTemporary(path, before !== undefined).catch((error) => fail(file, error));
  try {
    await fill(temporary, before, bytes, signal);
  } catch (error) {
    await discard(temporary.path);
    throw refused(file, error as SystemError);
  }
  // A second name of the file (a hard link) would go on to show what was there before.
  if (temporary.beside && (before?.nlink ?? 1) === 1) {
    const problem = await rename(temporary.path, path).then(
      () => undefined,
      (error: SystemError) => error,
    );
    if (!problem) return release(temporary.path);
    if (!before || !NOT_RENAMED.includes(String(problem.code))) {
      await discard(temporary.path);
      throw refused(file, problem);
    }
  }
  await copyInto(file, temporary.path, path);
}

/** Copies one file over another, then removes it. If that fails half-way, the source is kept, since only it is complete. */
async function copyInto(file: string, from: string, path: string): Promise<void> {
  const handle = await open(path, 'r+').catch(async (error) => {
    await discard(from);
    return fail(file, error);
  });
  try {
    let length = 0;
    for await (const piece of createReadStream(from, { highWaterMark: COPY_BYTES }) as AsyncIterable<Uint8Array>) {
      await handle.writeFile(piece);
      length += piece.length;
    }
    await handle.truncate(length);
    await handle.sync();
  } catch (error) {
    const { message } = refused(file, error as SystemError);
    throw new UsageError(`${message} It is only half overwritten; what was to be written is kept as ${from}.`, {
      cause: error,
    });
  } finally {
    await handle.close();
  }
  await discard(from);
}

interface Temporary {
  readonly path: string;
  readonly handle: FileHandle;
  /** Is it in the same folder as the file, so that it can be renamed? */
  readonly beside: boolean;
}

/** Opens a temporary file; outside of the folder when no file can be made there but the file itself can be written. */
async function openTemporary(path: string, exists: boolean): Promise<Temporary> {
  await removeAbandoned(path);
  const near = temporaryBeside(path);
  try {
    // What was private stays so while it is written.
    return { path: hold(near), handle: await open(near, 'wx', exists ? 0o600 : 0o666), beside: true };
  } catch (error) {
    const { code } = error as SystemError;
    if (!exists || !['EACCES', 'EPERM', 'EROFS'].includes(String(code))) throw error;
    await (await open(path, 'r+')).close(); // throws where it cannot be written either
    const far = join(tmpdir(), temporaryName(basename(path)));
    return { path: hold(far), handle: await open(far, 'wx', 0o600), beside: false };
  }
}

async function fill({ handle, beside }: Temporary, before: Before, bytes: Bytes, signal?: AbortSignal): Promise<void> {
  try {
    for await (const piece of bytes) {
      signal?.throwIfAborted();
      await handle.writeFile(piece);
    }
    if (before && beside) {
      const own = await handle.stat();
      // Only the superuser can give a file away; for others it becomes theirs, as with every tool that renames.
      if (own.uid !== before.uid || own.gid !== before.gid)
        await handle.chown(before.uid, before.gid).catch(() => undefined);
      await handle.chmod(before.mode & 0o7777);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

type Before = (Place & { kind: 'regular' })['before'];

const POLL_MS = 50;
const COPY_BYTES = 1 << 20;

/** Opens without blocking, so that it can be interrupted while a pipe has no reader. */
async function writeSpecial(path: string, bytes: Bytes, signal?: AbortSignal): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const isPipe = (await stat(path)).isFIFO();
  let handle: FileHandle | undefined;
  while (!handle) {
    signal?.throwIfAborted();
    handle = await open(path, flags).catch(async (error: SystemError) => {
      if (error.code !== 'ENXIO' || !isPipe) throw error;
      await sleep(POLL_MS);
      return undefined;
    });
  }
  try {
    await writeTo(handle.fd, bytes, signal);
  } finally {
    await handle.close();
  }
}

const writeSome = (descriptor: number, bytes: Uint8Array, at: number): Promise<number> =>
  new Promise((resolve, reject) =>
    write(descriptor, bytes, at, bytes.length - at, null, (error, written) => {
      if (!error) resolve(written);
      else if (error.code === 'EAGAIN' || error.code === 'EINTR') resolve(0);
      else reject(error);
    }),
  );

/** Number of immediate retries when a pipe is full, before waiting between tries. */
const EAGER_TRIES = 20;

async function writeTo(descriptor: number, bytes: Bytes, signal?: AbortSignal): Promise<void> {
  let tries = 0;
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length; ) {
      signal?.throwIfAborted();
      const written = await writeSome(descriptor, piece, at);
      at += written;
      tries = written > 0 ? 0 : tries + 1;
      if (tries > EAGER_TRIES) await sleep(1);
      else if (tries > 0) await setImmediate();
    }
  }
}
