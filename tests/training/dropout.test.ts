/** Dropout of adapters: torch's law of each number, and nothing but seed and place decides, so that a run goes on with the same bits. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { train } from '../../src/node.ts';
import { dropoutFactors } from '../../src/training/dropout.ts';

const folderOf = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
let work = '';
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'portmanteau-dropout-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const map = { rate: 0.3, seed: 5, name: 'layers.0.q_proj.weight' };
const place = { step: 2, batch: 1, part: 0 };

test('a number is left out with the probability, and the mean stays', () => {
  const count = 40_001;
  const factors = dropoutFactors(count, map, place);
  const zeros = factors.filter((factor) => factor === 0).length;
  expect(new Set(factors)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  expect(Math.abs(zeros - 0.3 * count)).toBeLessThan(4 * Math.sqrt(count * 0.3 * 0.7)); // standard deviations
  const together = factors.filter((factor, i) => i > 0 && factor === 0 && factors[i - 1] === 0).length;
  expect(Math.abs(together - 0.09 * count)).toBeLessThan(5 * Math.sqrt(count * 0.09));
});

test('other steps, batches, parts, seeds and maps leave out others', () => {
  const of = (other: object, at: object = {}) => dropoutFactors(64, { ...map, ...other }, { ...place, ...at }).join();
  const all = [
    of({}),
    ...[{ step: 3 }, { batch: 0 }, { part: 1 }].map((at) => of({}, at)),
    ...[{ seed: 6 }, { name: 'layers.1.q_proj.weight' }].map((other) => of(other)),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(of({})).toBe(all[0]);
});

const losses = (folder: string) =>
  readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).loss);

test('a run that was stopped, and one that computes blocks again, have the bits of one that was not; the rate is in the file of the adapter', async () => {
  const ids = Array.from({ length: 6 }, (_, b) => Array.from({ length: 9 }, (_, i) => 1 + ((b * 7 + i * 3) % 18)));
  const config = (name: string, dropout: number, more: object = {}) => ({
    ...{
      model: folderOf('llama-dense'),
      train: 'lora',
      lora: { rank: 2, alpha: 4, dropout, targets: ['q_proj', 'down_proj', 'lm_head'] },
    },
    ...{ data: { ids }, batch: 2, accumulate: 2, steps: 6, seed: 3, optimizer: { name: 'adamw', lr: 0.01 } },
    ...{ checkpoint: { every: 1 }, out: join(work, name), ...more },
  });
  const run = async (given: object, options: object = {}) => train(given as never, { threads: 1, ...options });
  await run(config('whole', 0.4));
  await run(config('again', 0.4, { recompute: true }));
  const stop = new AbortController();
  await run(config('stopped', 0.4), {
    signal: stop.signal,
    onStep: ({ step }: { step: number }) => step === 2 && stop.abort(),
  }).catch(() => {});
  await run(config('stopped', 0.4), { resume: true });
  await run(config('plain', 0));
  const adapter = (name: string) => readFileSync(join(work, name, 'adapter_model.safetensors'));
  expect(losses(join(work, 'stopped'))).toEqual(losses(join(work, 'whole')));
  for (const name of ['again', 'stopped']) expect(adapter(name).equals(adapter('whole'))).toBe(true);
  expect(losses(join(work, 'plain'))).not.toEqual(losses(join(work, 'whole')));
  const { lora_dropout } = JSON.parse(readFileSync(join(work, 'whole', 'adapter_config.json'), 'utf8'));
  expect(lora_dropout).toBe(0.4);
});
