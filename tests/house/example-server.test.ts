/** The server of the example page says in one line why it does not start. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../examples/browser/serve.mjs', import.meta.url));
const started = (port: string) =>
  spawnSync(process.execPath, [script, `--port=${port}`], { encoding: 'utf8', timeout: 10_000 });

test.each(['eighty', '70000', '-1'])('--port=%s is refused', (port) => {
  const { status, stderr } = started(port);
  expect({ status, stderr }).toEqual({ status: 1, stderr: `--port is '${port}', wanted a number from 0 to 65535.\n` });
});

test('a port that is in use is told, with the way to choose another', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { status, stderr } = started(String(port));
  other.close();
  expect({ status, stderr }).toEqual({ status: 1, stderr: `Port ${port} is in use; choose another with --port.\n` });
});
