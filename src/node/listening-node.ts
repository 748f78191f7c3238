/** Servers that listen, and end. */
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
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

/** Cuts off clients who take nothing of their answer for so long: what waits for them is freed. Those who wait for their answer may wait on. */
export function cutStalled(server: HttpServer, milliseconds: number): void {
  const answering = new WeakMap<Socket, number>();
  server.on('request', ({ socket }, response) => {
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    response.once('close', () => answering.set(socket, (answering.get(socket) ?? 0) - 1));
  });
  server.setTimeout(milliseconds, (socket: Socket) => {
    const waits = (answering.get(socket) ?? 0) > 0 && socket.writableLength === 0;
    if (!waits) socket.destroy();
  });
}

/** Takes no more connections, and ends those that are open when their last answers had their time. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if ('closeIdleConnections' in server) (server as { closeIdleConnections(): void }).closeIdleConnections();
  await Promise.race([closed, sleep(LAST_ANSWERS_MS, undefined, { ref: false })]);
  if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections();
}
