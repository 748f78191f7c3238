/** `quantize`: what it writes, what it says of it, and what it refuses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli, golden, json } from './cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-quantize-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly out: string;
  readonly weights: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly parts: readonly { name: string; kept: string; weights: number; compared: number; relativeError: number }[];
}

test('makes a folder that runs as the model does in that format', { timeout: 60_000 }, async () => {
  for (const [model, weights, most] of [
    ['granite-tiny', 'q8', 0.02],
    ['backpack-tiny', 'q4', 0.15],
    ['bitnet-tiny', 'ternary', 0.02],
  ] as const) {
    const out = join(folder, model);
    const result = await json<Result>(['quantize', model, out, '--weights', weights]);
    expect(result).toMatchObject({ out, weights });
    expect(result.bytesAfter).toBeLessThan(result.bytesBefore);
    expect(result.parts.length).toBeGreaterThan(0);
    for (const { compared, weights, relativeError } of result.parts) {
      expect(relativeError).toBeGreaterThan(0);
      expect(relativeError).toBeLessThan(most);
      expect(compared).toBeLessThanOrEqual(weights);
    }
    const run = (from: string, ...flags: string[]) =>
      json<object>(['run', from, 'Once upon a time', '-n', '12', ...flags]);
    expect(await run(out)).toEqual(await run(model, '--weights', weights));
    const again = await cli(['quantize', out, join(folder, 'again'), '--weights', 'q8']);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('already');
    expect(existsSync(join(folder, 'again'))).toBe(false);
  }
});

test('tells people sizes and errors, layers taken together', async () => {
  const { code, stdout, stderr } = await cli(['quantize', golden('mamba-odd'), join(folder, 'out'), '--weights', 'q8']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\S+out: [\d.]+ MB -> [\d.]+ MB\n/);
  expect(stdout).toMatch(/layers\.\*\.mixer\.in_proj\.weight +F32 -> q8 +[\d,]+ +0\.\d+ %\n/);
  expect(stdout).not.toContain('norm');
});

test('refuses what it cannot do, and writes nothing', { timeout: 60_000 }, async () => {
  const out = join(folder, 'out');
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'mine'), 'kept');
  writeFileSync(join(folder, 'plain'), '');
  for (const [args, wanted] of [
    [['granite-tiny', join(folder, 'full'), '--weights', 'q4'], /not empty/],
    [['granite-tiny', join(folder, 'plain'), '--weights', 'q4'], /cannot be written/],
    [['granite-tiny', out], /--weights/],
    [['granite-tiny', out, '--weights', 'auto'], /'auto' is invalid/],
    [['granite-tiny', out, '--weights', 'ternary'], /no ternary layers/],
    [['granite-tiny', out, '--weights', 'bf16'], /changes nothing.*bf16 already/],
  ] as const) {
    const { code, stdout, stderr } = await cli(['quantize', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(wanted);
  }
  expect(readFileSync(join(folder, 'full', 'mine'), 'utf8')).toBe('kept');
  expect(readdirSync(folder).sort()).toEqual(['full', 'plain']);
});

test('removes what a killed one has left, and nothing else', { timeout: 60_000 }, async () => {
  const out = join(folder, 'out');
  const door = new URL('../../dist/src/checkpoint/save-node.js', import.meta.url).href;
  const script = `import { writeFolderWhole } from ${JSON.stringify(door)};
    async function* endless() { yield new Uint8Array(9); process.stdout.write('begun'); await new Promise(() => setInterval(() => {}, 1e6)); }
    await writeFolderWhole(${JSON.stringify(out)}, [{ name: 'a', bytes: endless }]);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const during = readdirSync(folder);
  expect(during).toHaveLength(1);
  mkdirSync(join(folder, '.other.mine'));
  const quantize = (to: string) => cli(['quantize', golden('mamba-odd'), join(folder, to), '--weights', 'q8']);
  expect((await quantize('out')).code).toBe(0); // the other one still runs
  expect(readdirSync(folder).sort()).toEqual([...during, '.other.mine', 'out'].sort());
  child.kill('SIGKILL');
  await once(child, 'close');
  rmSync(out, { recursive: true });
  expect((await quantize('out')).code).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(['.other.mine', 'out']);
});

test.skipIf(process.getuid?.() === 0)(
  'a folder that may not be written to is called that, before weights are read',
  async () => {
    mkdirSync(join(folder, 'locked'));
    chmodSync(join(folder, 'locked'), 0o555);
    const { code, stderr } = await cli([
      'quantize',
      'granite-tiny',
      join(folder, 'locked', 'a', 'b'),
      '--weights',
      'q8',
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/this user may not write there/);
  },
);
