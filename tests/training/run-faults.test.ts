/** What goes wrong in a run is told, and leaves the last good checkpoint as it was; from there the run goes on with the same bits. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TrainingOptions, train } from '../../src/node.ts';

const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'faults-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const usual = {
  data: { ids: Array.from({ length: 7 }, (_, i) => [3 + i, 17 - i, 5, 9 + i, 2]) },
  batch: 2,
  optimizer: { name: 'adamw', lr: 0.003 },
  seed: 1,
} as const;

const run = (config: TrainingOptions, resume = false) => train(config, { threads: 1, resume });

/** Digests of all files of a checkpoint. */
function digests(out: string, step: number): Record<string, string> {
  const folder = join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}`);
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(readdirSync(folder).map((name) => [name, digest(name)]));
}

const stepsIn = (out: string) => readdirSync(join(out, 'checkpoints'));

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] = (bytes[bytes.length - 3] as number) ^ 1;
  writeFileSync(file, bytes);
}

it('ends where the loss is no number, without a checkpoint of broken weights', async () => {
  const out = join(work, 'nan');
  const stages = [{ steps: 2 }, { steps: 4, lr: 1e38 }];
  const config: TrainingOptions = { ...usual, model: golden('llama-dense'), stages, checkpoint: { every: 1 }, out };
  await expect(run(config)).rejects.toThrow(/step 3: the loss is NaN|there are weights that are not finite/);
  expect(stepsIn(out).at(-1)).toMatch(/step-0000000[23]/);
  const good = digests(out, 2);
  await expect(run(config, true)).rejects.toMatchObject({ name: 'DivergedError' });
  expect(digests(out, 2)).toEqual(good);
});

it('refuses a new model that does not fit before its weights are made', async () => {
  const config = JSON.parse(readFileSync(join(golden('llama-dense'), 'config.json'), 'utf8'));
  const out = join(work, 'large');
  const initialize = {
    config: { ...config, intermediate_size: 2 ** 28 },
    rules: [{ tensors: ['*'], values: 'normal', std: 0.02 }],
  } as const;
  const refused = run({ ...usual, initialize, steps: 1, out });
  await expect(refused).rejects.toThrow(/this run needs \d+ MB of memory/);
  expect(readdirSync(work)).not.toContain('large');
});

describe('a run on texts', () => {
  const config = (): TrainingOptions => ({
    ...{ model: 'granite-tiny', batch: 1, steps: 4, checkpoint: { every: 2 }, out: join(work, 'texts') },
    data: { files: [join(work, 'a.txt')], sequence: 8, cache: join(work, 'tokens') },
    optimizer: usual.optimizer,
  });

  it('names a damaged shard, and goes on once it is made again', async () => {
    writeFileSync(join(work, 'a.txt'), 'Once upon a time there was a king who had three sons. '.repeat(20));
    await run(config());
    const out = join(work, 'texts');
    const [first, last] = [digests(out, 2), digests(out, 4)];
    rmSync(join(out, 'checkpoints/step-00000004'), { recursive: true });
    const [key = ''] = readdirSync(join(work, 'tokens'));
    const shard = readdirSync(join(work, 'tokens', key)).find((name) => name.endsWith('.safetensors')) as string;
    flip(join(work, 'tokens', key, shard));
    await expect(run(config(), true)).rejects.toThrow(shard);
    expect(digests(out, 2)).toEqual(first);
    rmSync(join(work, 'tokens', key), { recursive: true });
    await run(config(), true);
    expect(digests(out, 4)).toEqual(last);
  });

  it('warns that there is nothing to evaluate on', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const { out: _, ...rest } = config();
    await train({ ...rest, steps: 1, evaluate: { every: 1 } }, { threads: 1, onWarning });
    expect(warnings).toEqual([expect.stringContaining("'evaluate' measures nothing")]);
  });

  it('says that texts have changed, and keeps what there is', async () => {
    const out = join(work, 'texts');
    const before = digests(out, 4);
    writeFileSync(join(work, 'a.txt'), 'Another text. '.repeat(100));
    await expect(run(config(), true)).rejects.toThrow('the data of the run');
    expect(digests(out, 4)).toEqual(before);
  });
});

const KINDS: readonly (readonly [string, Partial<TrainingOptions>])[] = [
  ['full', {}],
  ['full, in bf16', { compute: 'bf16' }],
  ['full, with lambda', { lambda: { name: 'linear', steps: 3 } }],
  ['lora', { train: 'lora', lora: { rank: 2 }, weights: 'q8' }],
];

describe.each(KINDS)('%s', (name, some) => {
  it('goes on from the checkpoint before a damaged one, with the same bits', async () => {
    const out = join(work, name);
    const config: TrainingOptions = {
      ...{ ...usual, model: golden('llama-dense'), steps: 6, checkpoint: { every: 2, keep: 3 }, out },
      ...some,
    };
    await run(config);
    const whole = digests(out, 6);
    for (const file of Object.keys(whole).filter((file) => file !== 'run.json')) {
      const copy = join(work, 'copy');
      cpSync(out, copy, { recursive: true });
      flip(join(copy, 'checkpoints/step-00000006', file));
      await expect(run({ ...config, out: copy }, true)).rejects.toThrow(
        /step-00000006 is damaged: .*Remove this folder/,
      );
      rmSync(copy, { recursive: true });
    }
    rmSync(join(out, 'checkpoints/step-00000006'), { recursive: true });
    await run(config, true);
    expect(digests(out, 6)).toEqual(whole);
  });
});
