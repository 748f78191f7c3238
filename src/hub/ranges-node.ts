/** Reads ranges of a large file on the hub, such as its header, without downloading all of it. */
import { FetchError } from '../base/errors.ts';
import { send } from './request-node.ts';
import { type Session, TransientError, withRetries } from './session.ts';
import type { Remote } from './transfer-node.ts';

export interface RemoteFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `into` from byte `offset` on. Throws FetchError. */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Headers are read in many small ranges that are close together; one request serves them all. */
const BLOCK_BYTES = 1 << 16;
const MAX_BLOCKS = 256;

export function openRemote(session: Session, remote: Remote): RemoteFile {
  const { url, bytes: size } = remote;
  const blocks = new Map<number, Promise<Uint8Array>>();
  const blockAt = (index: number): Promise<Uint8Array> => {
    const known = blocks.get(index);
    if (known) return known;
    const start = index * BLOCK_BYTES;
    const into = new Uint8Array(Math.min(BLOCK_BYTES, size - start));
    const fresh = fetchRange(session, remote, start, into).then(() => into);
    fresh.catch(() => blocks.delete(index));
    blocks.set(index, fresh);
    if (blocks.size > MAX_BLOCKS) blocks.delete(blocks.keys().next().value as number);
    return fresh;
  };
  return {
    name: url,
    size,
    async read(offset, into, signal) {
      signal?.throwIfAborted();
      if (offset + into.length > size)
        throw new FetchError(`${url} has ${size} bytes, but bytes up to ${offset + into.length} are wanted.`);
      if (into.length >= BLOCK_BYTES)
        return fetchRange(signal ? { ...session, signal } : session, remote, offset, into);
      for (let done = 0; done < into.length; ) {
        const index = Math.floor((offset + done) / BLOCK_BYTES);
        const within = offset + done - index * BLOCK_BYTES;
        const some = (await blockAt(index)).subarray(within, within + into.length - done);
        into.set(some, done);
        done += some.length;
      }
    },
    close: async () => blocks.clear(),
  };
}

async function fetchRange(session: Session, { url, asked, bytes: size }: Remote, start: number, into: Uint8Array) {
  const last = start + into.length - 1;
  await withRetries(session, async () => {
    const answer = await send(session, 'GET', url, asked, { Range: `bytes=${start}-${last}` });
    try {
      if (answer.status !== 206)
        throw new FetchError(
          `GET ${url}: the server knows no ranges (it answered ${answer.status}), so its header cannot be read alone: 'pull' the model first.`,
          { status: answer.status },
        );
      const range = answer.headers.get('content-range');
      if (range !== `bytes ${start}-${last}/${size}` && range !== `bytes ${start}-${last}/*`)
        throw new TransientError(
          `GET ${url}: Content-Range came as '${range}', wanted bytes ${start}-${last}/${size}.`,
        );
      let received = 0;
      for await (const chunk of answer.body()) {
        if (received + chunk.length > into.length)
          throw new TransientError(`GET ${url}: more than the ${into.length} bytes that were asked for.`);
        into.set(chunk, received);
        received += chunk.length;
      }
      if (received < into.length)
        throw new TransientError(`GET ${url}: the answer ended after ${received} of ${into.length} bytes.`);
    } finally {
      await answer.close();
    }
  });
}
