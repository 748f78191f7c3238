/** Tokens in shards on disk. Each shard is checked when it is first read; a few of them are open at a time. */
import { createHash } from 'node:crypto';
import { UsageError } from '../base/errors.ts';
import type { Manifest, Shard, StreamName } from './manifest-node.ts';
import { type OpenShard, openShard } from './shard-node.ts';
import type { TokenSlice, TokenStore } from './token-store.ts';

/** Well below the usual limit of open files. */
const MOST_OPEN = 64;

export function shardStore(folder: string, { shards: all, fileEnds }: Manifest, stream: StreamName): TokenStore {
  const shards = all[stream];
  const starts = [0];
  for (const { tokens } of shards) starts.push((starts.at(-1) as number) + tokens);
  const isMasked = shards.some((shard) => shard.isMasked);
  const checked = new Set<number>();
  const open = openShards(async (number) => {
    const shard = await openShard(folder, shards[number] as Shard, { isChecked: checked.has(number) });
    checked.add(number);
    return shard;
  });
  const startOf = (number: number) => starts[number] as number;
  const shardAt = (token: number): number => {
    let low = 0;
    for (let high = shards.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (startOf(middle) <= token) low = middle;
      else high = middle;
    }
    return low;
  };
  return {
    tokens: startOf(shards.length),
    documents: shards.reduce((sum, { documents }) => sum + documents, 0),
    isMasked,
    fileEnds: fileEnds.map((ends) => ends[stream]),
    identity: createHash('sha256')
      .update(shards.map(({ sha256 }) => sha256).join())
      .digest('hex'),
    async read(start, length) {
      const ids = new Uint32Array(length);
      const mask = isMasked ? new Uint8Array(length) : undefined;
      for (let done = 0, number = shardAt(start); done < length; number++) {
        const from = start + done - startOf(number);
        const take = Math.min(length - done, startOf(number + 1) - startOf(number) - from);
        const slice: TokenSlice = await open.use(number, (shard) => shard.read(from, take));
        ids.set(slice.ids, done);
        if (slice.mask) mask?.set(slice.mask, done);
        else mask?.fill(1, done, done + take);
        done += take;
      }
      return { ids, mask };
    },
    async documentEnds() {
      const ends: Float64Array[] = [];
      for (const [number] of shards.entries()) {
        const own = await open.use(number, (shard) => shard.ends());
        ends.push(Float64Array.from(own, (end) => startOf(number) + end));
      }
      const joined = new Float64Array(ends.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const own of ends) {
        joined.set(own, at);
        at += own.length;
      }
      return joined;
    },
    close: () => open.close(),
  };
}

/** Keeps the shards that were used last open. Those in use are not closed. */
function openShards(openOne: (number: number) => Promise<OpenShard>) {
  const opened = new Map<number, { shard: Promise<OpenShard>; users: number }>();
  let isClosed = false;
  const trim = async () => {
    for (const [number, { shard, users }] of opened) {
      if (opened.size <= MOST_OPEN) return;
      if (users > 0) continue;
      opened.delete(number);
      await (await shard.catch(() => undefined))?.close();
    }
  };
  return {
    async use<T>(number: number, work: (shard: OpenShard) => Promise<T>): Promise<T> {
      if (isClosed) throw new UsageError('the training data was closed; prepare it again to read from it.');
      const entry = opened.get(number) ?? { shard: openOne(number), users: 0 };
      opened.delete(number);
      opened.set(number, entry); // the last used is the last
      entry.users++;
      try {
        return await work(await entry.shard);
      } catch (error) {
        opened.delete(number); // tried anew when the file was repaired
        throw error;
      } finally {
        entry.users--;
        await trim();
      }
    },
    async close() {
      isClosed = true;
      const all = [...opened.values()];
      opened.clear();
      for (const { shard } of all) await (await shard.catch(() => undefined))?.close();
    },
  };
}
