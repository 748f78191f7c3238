/** Runs that are killed at random moments, again and again, end with the bits of one that was never stopped; small recipes run from end to end. */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipes } from '../../src/node.ts';
import { cli, start } from '../cli/cli.ts';

const KILLS = 20;
const STEPS = 60;

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'killed-'));
  const sentences = Array.from({ length: 4000 }, (_, i) => `The ${i % 97}. king had ${i % 13} sons and ${i % 7} dogs.`);
  writeFileSync(join(work, 'a.txt'), sentences.join('\n\n'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Times differ from run to run. */
function metricsOf(out: string): object[] {
  const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }));
}

describe.each(['full', 'lora'])('a run that trains %s', (kind) => {
  it(`gives the same bits after ${KILLS} kills`, async () => {
    const config = (out: string) => {
      const file = join(work, `${kind}-${out}.json`);
      const cache = join(work, `tokens-${kind}-${out}`);
      const data = { files: [join(work, 'a.txt')], separator: '\n\n', sequence: 16, validation: 0.05, cache };
      const run = {
        ...{ model: 'granite-tiny', train: kind, data, batch: 1, steps: STEPS, clip: 1 },
        optimizer: { name: 'adamw', lr: 0.001 },
        schedule: { name: 'cosine', warmup: 10 },
        evaluate: { every: 10, batches: 2 },
        samples: { every: 15, prompts: ['The king'], maxNewTokens: 8 },
        checkpoint: { every: 4 },
        out: join(work, `${kind}-${out}`),
      };
      writeFileSync(file, JSON.stringify(run));
      return { file, out: run.out };
    };
    const [whole, killed] = [config('whole'), config('killed')];
    const begin = performance.now();
    const { code, stderr } = await cli(['train', whole.file, '--threads', '1']);
    expect(code, stderr).toBe(0);
    const elapsedMs = performance.now() - begin;

    let kills = 0;
    for (; kills < KILLS; kills++) {
      const { child, ended } = start(['train', killed.file, '--threads', '1', '--resume']);
      await sleep(elapsedMs * 0.9 * Math.random());
      child.kill('SIGKILL');
      await ended;
    }
    const last = await cli(['train', killed.file, '--threads', '1', '--resume']);
    expect(last.code, last.stderr).toBe(0);
    expect(metricsOf(killed.out)).toEqual(metricsOf(whole.out));
    const name = kind === 'lora' ? 'adapter_model.safetensors' : 'model.safetensors';
    expect(digest(join(killed.out, name))).toBe(digest(join(whole.out, name)));
    const moments = `checkpoints/step-000000${STEPS}/optimizer.safetensors`;
    expect(digest(join(killed.out, moments))).toBe(digest(join(whole.out, moments)));
  });
});

describe('small recipes', () => {
  const tiny = recipes.filter(({ name }) => name.endsWith('-tiny'));
  it.each(tiny.map(({ name, config }) => [name, config] as const))('%s runs to its end', async (name, config) => {
    const out = join(work, name);
    const few = config.stages
      ? [`stages=${JSON.stringify(config.stages.map((stage) => ({ ...stage, steps: 2 })))}`]
      : ['steps=3'];
    const settings = [
      ...few,
      ...[
        'data.sequence=32',
        'data.validationBy=rows',
        'batch=2',
        'evaluate={"every":2,"batches":1}',
        'checkpoint={"every":2}',
      ],
      ...['samples.every=2', 'samples.maxNewTokens=4', `data.files=${JSON.stringify([join(work, 'a.txt')])}`],
      `data.cache=${JSON.stringify(join(work, 'tokens'))}`,
    ];
    const sets = settings.flatMap((setting) => ['--set', setting]);
    const { code, stderr } = await cli(['train', '--recipe', name, '--out', out, ...sets]);
    expect(code, stderr).toBe(0);
    const losses = metricsOf(out).map((line) => (line as { loss: number }).loss);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(existsSync(join(out, 'config.json'))).toBe(true);
    expect((await cli(['run', out, 'The king', '--max-new-tokens', '3'])).code).toBe(0);
  });
});
