/** The command line on checkpoints that are not as their config.json says: warnings, and options to go on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { cli, golden, json } from './cli.ts';

const checkpoint = (name: string) => fileURLToPath(new URL(`../fixtures/checkpoints/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'portmanteau-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RUN = ['--ids', '1,5,9', '-n', '3'];

test('--tied-head chooses, and without it a warning says what was chosen', async () => {
  const model = checkpoint('tied-head-differs-llama');
  const idsOf = async (...flags: string[]) => (await json<{ ids: number[] }>(['run', model, ...RUN, ...flags])).ids;
  const usual = await cli(['run', model, ...RUN]);
  expect(usual.stderr).toMatch(/warning: .*they differ: the stored head is used.*--tied-head/);
  const stored = await idsOf('--tied-head', 'stored');
  expect(usual.stdout.trim()).toBe(stored.join());
  expect(await idsOf('--tied-head', 'embedding')).not.toEqual(stored);
  expect((await cli(['run', model, ...RUN, '--tied-head', 'both'])).code).toBe(2);
});

test('--ignore-tensors takes globs, by commas and again', async () => {
  const model = checkpoint('extra-value-head');
  const quiet = ['run', model, ...RUN, '--ignore-tensors', 'v_head.*weight,v_head.*bias'];
  expect(await cli(quiet)).toMatchObject({ code: 0, stderr: '' });
  expect((await cli(['run', model, ...RUN])).stderr).toMatch(/warning: .*2 tensors .*v_head/);
  const missing = await cli([...quiet, '--ignore-tensors', 'nix.*']);
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("no tensor 'nix.*'") });
});

test('a state of another model is refused before the weights are loaded', async () => {
  const state = join(folder, 'state.safetensors');
  await json(['run', golden('mamba-odd'), ...RUN, '--save-state', state]);
  const refused = await cli(['run', golden('llama-dense'), ...RUN, '--load-state', state]);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/state of another model: it is of mamba, and this is llama/),
  });
});

test('a file of another program says so', async () => {
  const file = join(folder, 'foo.gguf');
  writeFileSync(file, 'GGUF');
  const refused = await cli(['run', file, 'x']);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/foo.gguf' is in the format GGUF or GGML, .*: take the checkpoint/),
  });
});
