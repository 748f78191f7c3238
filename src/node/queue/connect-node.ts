/** Connects to a server of queues. BullMQ and ioredis, optional peer dependencies, are loaded only here. */
import type { Redis } from 'ioredis';
import { UsageError } from '../../base/errors.ts';
import type { SystemError } from '../../checkpoint/write-errors.ts';

/** Milliseconds after which a server that does not answer counts as none. */
const CONNECT_MS = 10_000;

export interface Connection {
  readonly bullmq: typeof import('bullmq');
  readonly redis: Redis;
  close(): void;
}

/** Throws UsageError when a package is missing, or no server is there, or it is none of Redis. A connection that is lost later is made again. */
export async function connectQueue(url: string, onNote: (message: string) => void = () => {}): Promise<Connection> {
  const { Redis, bullmq } = await packages();
  const where = withoutPassword(url);
  let isOpen = false;
  let isTold = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => (isOpen ? Math.min(200 * times, 5000) : null),
  });
  let last: Error | undefined;
  redis.on('error', (error: Error) => {
    last = error;
  });
  redis.on('close', () => {
    if (isOpen && !isTold) onNote(`the connection to ${where} was lost; trying again`);
    isTold = true;
  });
  try {
    await redis.connect();
    await redis.select(redis.options.db ?? 0); // that of the address, which is refused silently while connecting
  } catch (error) {
    redis.disconnect();
    throw unreachable(where, last ?? (error as Error), error);
  }
  isOpen = true;
  redis.on('ready', () => {
    isTold = false;
  });
  return {
    bullmq,
    redis,
    close: () => {
      isOpen = false;
      redis.disconnect();
    },
  };
}

function unreachable(where: string, error: SystemError, cause: unknown): UsageError {
  const { code, message } = error;
  if (/NOAUTH|WRONGPASS|NOPERM/.test(message))
    return new UsageError(`${where} refuses this user: give the password, as in redis://:PASSWORD@HOST:6379.`, {
      cause,
    });
  if (/DB index/i.test(message)) return new UsageError(`${where} has no such database: ${message}.`, { cause });
  return new UsageError(
    `no Redis or Valkey server answers at ${where} (${code ?? message}): start one, as in 'redis-server', or correct the address.`,
    { cause },
  );
}

/** For messages. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}

async function packages() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis };
  } catch (error) {
    throw new UsageError(
      'a queue needs the packages bullmq and ioredis, and one is not installed: npm install bullmq ioredis',
      { cause: error },
    );
  }
}
