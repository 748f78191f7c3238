/** Servers that listen, and end. */
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../base/errors.ts';

const LAST_ANSWERS_MS = 2_000; // for answers that are written when the port is closed

/** Throws UsageError when the server cannot listen there. */
export function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const what = error.code === 'EADDRINUSE' ? 'another program listens there' : error.message;
      reject(new UsageError(`the server cannot listen on ${host} port ${port}: ${what}.`, { cause: error }));
    });
    server.listen(port, host, () => resolve());
  });
}

export function urlOf(server: Server): string {
  const { family, address, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Takes no more connections, and ends those that are open when their last answers had their time. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if ('closeIdleConnections' in server) (server as { closeIdleConnections(): void }).closeIdleConnections();
  await Promise.race([closed, sleep(LAST_ANSWERS_MS, undefined, { ref: false })]);
  if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections();
}
