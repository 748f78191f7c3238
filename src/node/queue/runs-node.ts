/** Runs that want answers tell it on the server: workers see which models are wanted, and which runs are over. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { RunIdentity } from '../evaluation/identity-node.ts';

const PREFIX = 'portmanteau:run:';

/** A run that is not told again for so many seconds is over. */
const KEPT_S = 60;
const RENEW_MS = 15_000;

/** The queue of the batches that a model answers. */
export const queueOf = (identity: RunIdentity): string =>
  `portmanteau-${createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)}`;

export interface Announced {
  /** Tells again at once, as when the server has forgotten. */
  tell(): Promise<void>;
  end(): Promise<void>;
}

/** Tells of a run until its end. */
export async function announce(redis: Redis, run: string, identity: RunIdentity): Promise<Announced> {
  const tell = async () => {
    await redis.set(PREFIX + run, JSON.stringify(identity), 'EX', KEPT_S);
  };
  await tell();
  const renewed = setInterval(() => void tell().catch(() => undefined), RENEW_MS);
  return {
    tell,
    end: async () => {
      clearInterval(renewed);
      await redis.del(PREFIX + run);
    },
  };
}

export const isAnnounced = async (redis: Redis, run: string): Promise<boolean> =>
  (await redis.exists(PREFIX + run)) === 1;

/** The runs that want answers now. */
export async function announcedRuns(redis: Redis): Promise<ReadonlyMap<string, RunIdentity>> {
  const found = new Map<string, RunIdentity>();
  for (let cursor: string | undefined; cursor !== '0'; ) {
    const [next, keys] = await redis.scan(cursor ?? '0', 'MATCH', `${PREFIX}*`, 'COUNT', 1000);
    for (const key of keys) {
      const text = await redis.get(key);
      if (text !== null) found.set(key.slice(PREFIX.length), JSON.parse(text) as RunIdentity);
    }
    cursor = next;
  }
  return found;
}
