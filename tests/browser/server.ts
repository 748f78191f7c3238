/** The static server of the examples, as its users start it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Server {
  /** Such as http://127.0.0.1:45678 */
  readonly origin: string;
  close(): Promise<void>;
}

export async function startServer(...args: string[]): Promise<Server> {
  const script = fileURLToPath(new URL('../../examples/browser/serve.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${script} has ended with ${code}`))),
  ])) as [string];
  return {
    origin: new URL(line).origin,
    async close() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
