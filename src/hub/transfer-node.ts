/**
 * Downloads one file from the hub to disk. Received data are kept in a partial file, which the next try, or the next process, continues.
 * The checksum of the complete file is verified before it is used.
 */
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { FetchError, UsageError } from '../base/errors.ts';
import { makeFolder } from '../base/make-folder-node.ts';
import type { Asked } from './advice.ts';
import { checksumProblem } from './blob-checksum-node.ts';
import { sizeOf } from './layout-node.ts';
import { blobNameOf } from './names.ts';
import { type Answer, send } from './request-node.ts';
import { type Session, TransientError, withRetries } from './session.ts';

/** A file as the hub describes it. */
export interface Remote {
  readonly url: string;
  readonly asked: Asked;
  /** Name of the blob: SHA-256, git SHA-1 or, of other servers, any ETag. */
  readonly blob: string;
  /** The quoted ETag of the hub's own responses, unless it is weak or of another host's file. */
  readonly etag: string | undefined;
  readonly bytes: number;
  /** Commit of the requested revision; undefined when the server does not send it. */
  readonly commit: string | null;
}

/** Requests the description of a file. */
export async function describeFile(session: Session, url: string, asked: Asked): Promise<Remote> {
  return withRetries(session, async () => {
    const answer = await send(session, 'HEAD', url, asked);
    await answer.close();
    const linked = answer.header('x-linked-etag');
    const own = answer.status === 200 ? answer.headers.get('etag') : null;
    const blob = blobNameOf(linked ?? answer.header('etag'));
    if (!blob)
      throw new FetchError(`HEAD ${url}: no usable ETag; is ${session.endpoint} a hub (HF_ENDPOINT)?`, {
        status: answer.status,
      });
    const length =
      answer.header('x-linked-size') ?? (answer.status === 200 ? answer.headers.get('content-length') : null);
    if (!/^\d{1,15}$/.test(length ?? ''))
      throw new FetchError(`HEAD ${url}: no size of the file; is ${session.endpoint} a hub (HF_ENDPOINT)?`);
    return {
      url,
      asked,
      blob,
      etag: own?.startsWith('"') && blobNameOf(own) === blob ? own : undefined,
      bytes: Number(length),
      commit: answer.header('x-repo-commit'),
    };
  });
}

/**
 * Downloads `partial` until it is complete and its checksum is right; starts again once if it is wrong. Throws FetchError, or UsageError
 * when the disk is full or cannot be written.
 */
export async function fetchFile(
  session: Session,
  remote: Remote,
  partial: string,
  onBytes: (arrived: number) => void,
): Promise<void> {
  let furthest = (await sizeOf(partial)) ?? 0;
  const receiveMore = async () => {
    try {
      await receive(session, remote, partial, onBytes);
    } catch (error) {
      const now = (await sizeOf(partial)) ?? 0;
      // Bytes that were here before, and then lost, are no progress: a server could send them for ever.
      if (error instanceof TransientError) error.progress = now - furthest;
      furthest = Math.max(furthest, now);
      throw error;
    }
  };
  for (let again = false; ; again = true) {
    await withRetries(session, receiveMore);
    const problem = await checksumProblem(partial, remote.blob, session.signal);
    if (!problem) return;
    await rm(partial, { force: true });
    if (again)
      throw new FetchError(
        `GET ${remote.url}: the file came whole twice, but ${problem}. The server or something on the way to it changes ` +
          'files; nothing was kept. Try another network or HF_ENDPOINT.',
      );
  }
}

/** Throws UsageError when the disk has less room than `bytes`. */
export async function checkRoom(folder: string, bytes: number): Promise<void> {
  await makeFolder(folder);
  const disk = await statfs(folder).catch(() => undefined);
  if (!disk || disk.blocks === 0) return; // some network disks do not say
  const free = disk.bavail * disk.bsize;
  if (free < bytes)
    throw new UsageError(
      `the download needs ${(bytes / 1e9).toFixed(1)} GB, but the disk of ${folder} has ${(free / 1e9).toFixed(1)} GB free: ` +
        "make room ('cache ls', 'cache rm') or set HF_HUB_CACHE to a folder on another disk.",
    );
}

/** Makes one request for the rest of the partial file. */
async function receive(
  session: Session,
  remote: Remote,
  partial: string,
  onBytes: (arrived: number) => void,
): Promise<void> {
  const { url, bytes, etag } = remote;
  let start = (await sizeOf(partial)) ?? 0;
  if (start > bytes) start = 0;
  if (start === bytes && start > 0) return;
  const range: Record<string, string> =
    start > 0 ? { Range: `bytes=${start}-`, ...(etag ? { 'If-Range': etag } : {}) } : {};
  const answer = await send(session, 'GET', url, remote.asked, range).catch(async (error) => {
    if (error instanceof FetchError && error.status === 416) await rm(partial, { force: true });
    throw error;
  });
  let received = 0;
  let file: FileHandle | undefined;
  try {
    if (answer.status === 200) start = 0;
    const problem = mismatch(answer, remote, start);
    if (problem) {
      if (answer.status === 206) await rm(partial, { force: true }); // else asked for in vain again and again
      throw new TransientError(`GET ${url}: ${problem}.`, { status: answer.status });
    }
    file = await openAt(partial, start);
    onBytes(start);
    for await (const chunk of answer.body()) {
      if (start + received + chunk.length > bytes) {
        await rm(partial, { force: true });
        throw new TransientError(`GET ${url}: more than the ${bytes} bytes that the hub announced.`);
      }
      await writeAll(file, chunk, start + received);
      received += chunk.length;
      onBytes(start + received);
    }
    if (start + received < bytes)
      throw new TransientError(`GET ${url}: the answer ended after ${start + received} of ${bytes} bytes.`);
    await file.datasync();
  } finally {
    await file?.close();
    await answer.close();
  }
}

/** Why this response cannot be the rest of the file from `start` on; undefined when it can. */
function mismatch(answer: Answer, { bytes, etag }: Remote, start: number): string | undefined {
  const { status, headers, foreign } = answer;
  if (status !== 200 && status !== 206) return `the server answered ${status}, wanted 200 or 206`;
  const own = foreign ? undefined : blobNameOf(headers.get('etag'));
  if (etag && own && own !== blobNameOf(etag)) return `the file changed from ETag ${etag} to "${own}" meanwhile`;
  if (headers.get('content-encoding') && headers.get('content-encoding') !== 'identity')
    return `the body is encoded (${headers.get('content-encoding')}) although plain bytes were asked for`;
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (Number(from) !== start || (total !== '*' && Number(total) !== bytes))
      return `Content-Range came as '${headers.get('content-range')}', wanted from ${start} of ${bytes}`;
  }
  const length = headers.get('content-length');
  if (length !== null && Number(length) !== bytes - start)
    return `Content-Length came as ${length}, wanted ${bytes - start}`;
  return undefined;
}

/** Opens the file for writing and keeps the bytes before `start`. */
async function openAt(path: string, start: number): Promise<FileHandle> {
  const file = await open(path, start > 0 ? 'r+' : 'w');
  await file.truncate(start);
  return file;
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
}

/** Makes errors of the disk into UsageErrors with advice; returns others unchanged. */
export function diskError(error: unknown, folder: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof FetchError || error instanceof UsageError || !code) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new UsageError(
      `the disk of ${folder} is full: make room ('cache rm') and run it again; what has arrived is kept. Or set HF_HUB_CACHE.`,
      { cause: error },
    );
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code))
    return new UsageError(`cannot write to the cache ${folder}: ${message}. Set HF_HUB_CACHE to a folder of yours.`, {
      cause: error,
    });
  return error;
}
