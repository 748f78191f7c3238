/** Where the batches of a queue are, and how they are cut. */
import * as v from 'valibot';
import { kind, kinds, type OptionsOf, option } from '../../options/option.ts';

const address = kind<string>(
  'the address of a Redis or Valkey server, as in redis://localhost:6379',
  v.pipe(
    v.string(),
    v.check((text) => {
      if (!URL.canParse(text)) return false;
      const { protocol, hostname, pathname } = new URL(text);
      return /^rediss?:$/.test(protocol) && hostname !== '' && /^\/?\d*$/.test(pathname);
    }),
  ),
);

export const QUEUE_OPTIONS = {
  /** The server; rediss:// is one with TLS. User, password and number of the database may be in the address. */
  url: option(address, 'workers answer the requests: a Redis or Valkey server, as in redis://localhost:6379'),
  /** Requests of a batch: what a worker takes at once, and what is lost when it is killed. */
  batch: option(kinds.fromOne, 'requests that a worker takes at once (default: 64)', 64),
};

export const WORKER_OPTIONS = {
  url: option(address, 'the Redis or Valkey server with the requests, as in redis://localhost:6379'),
  /** A worker without a sign of life for so many seconds counts as lost, and its batch goes to another. */
  lostAfter: option(
    kinds.positive,
    'seconds without a sign of life after which a batch goes to another worker (default: 30)',
    30,
  ),
};

export interface QueueOptions extends OptionsOf<typeof QUEUE_OPTIONS> {
  readonly url: string;
  /** Told what may need a hand, such as that there is no worker. */
  readonly onNote?: ((message: string) => void) | undefined;
}

export interface WorkerOptions extends OptionsOf<typeof WORKER_OPTIONS> {
  readonly url: string;
}
