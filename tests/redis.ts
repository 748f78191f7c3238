/** A Redis server of a test's own. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { checkQueue } from '../src/node.ts';

/** The program, by its name; undefined where neither is installed. */
export const redisServer = ['redis-server', 'valkey-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

if (redisServer === undefined)
  console.warn('tests of queues are skipped: neither redis-server nor valkey-server is installed');

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export async function startRedis(more: readonly string[] = [], port?: number): Promise<RedisServer> {
  const own = port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const args = ['--port', String(own), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...more];
  const child = spawn(redisServer as string, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const url = `redis://127.0.0.1:${own}`;
  for (let i = 0; i < 200; i++) {
    try {
      await checkQueue(url);
      break;
    } catch (error) {
      if (/refuses this user/.test((error as Error).message)) break;
      await setTimeout(50);
    }
  }
  return {
    url,
    port: own,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
