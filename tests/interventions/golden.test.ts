/** Interventions give the numbers of the reference implementations with forward hooks: see tools/reference/cases_interventions.py. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { InterventionFile, InterventionSet, VectorTensor } from '../../src/interventions/intervention.ts';
import { openModel } from '../../src/loader/open.ts';
import { loadTensors } from '../../src/node.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));

/** Largest difference, as a share of the largest magnitude of the reference. */
const TOLERANCE = 5e-5;

const casesOf = (golden: string): string[] =>
  readdirSync(`${root}${golden}`).flatMap((file) => /^(interventions-.*)\.json$/.exec(file)?.[1] ?? []);

const goldens = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && casesOf(entry.name).length > 0)
  .map(({ name }) => name);

async function interventionsOf(golden: string, name: string): Promise<InterventionSet> {
  const { vectors, ...file } = JSON.parse(readFileSync(`${root}${golden}/${name}.json`, 'utf8')) as InterventionFile;
  if (vectors === undefined) return file;
  return { ...file, vectors: (await loadTensors(`${root}${golden}/${vectors}`)) as Map<string, VectorTensor> };
}

interface Expected {
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
  readonly logits: Float32Array;
}

async function expected(golden: string, name: string): Promise<Expected> {
  const all = await loadTensors(`${root}${golden}/${name}.golden.safetensors`);
  const ints = (key: string) => Array.from(all.get(key)?.data as Int32Array);
  return { ids: ints('ids'), greedy: ints('greedy'), logits: all.get('logits')?.data as Float32Array };
}

/** Largest difference, as a share of the largest magnitude that is wanted. */
function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Math.abs((found[i] as number) - (wanted[i] as number)));
    largest = Math.max(largest, Math.abs(wanted[i] as number));
  }
  return worst / largest;
}

it('there are goldens of interventions', () => {
  expect(goldens.length).toBeGreaterThanOrEqual(7);
});

describe.each(goldens)('%s', (golden) => {
  let model: Model;

  beforeAll(async () => {
    const backend = createWasmBackend({ platform: nodePlatform, threads: 2 });
    model = await Model.load(await openModel(localFolder(`${root}${golden}`), { weights: 'f32' }), backend);
  });
  afterAll(() => model.dispose());

  it.each(casesOf(golden))('gives the logits of the reference with hooks: %s', async (name) => {
    const { ids, logits } = await expected(golden, name);
    const interventions = await interventionsOf(golden, name);
    const found = await model.logits(ids, { interventions });
    expect(found.data.length).toBe(logits.length);
    expect(difference(found.data, logits)).toBeLessThanOrEqual(TOLERANCE);
    const plain = await model.logits(ids);
    expect(difference(plain.data, logits), 'without interventions, they are others').toBeGreaterThan(100 * TOLERANCE);
  });

  it.each(casesOf(golden))('chooses the tokens of the reference with hooks: %s', async (name) => {
    const { ids, greedy } = await expected(golden, name);
    const interventions = await interventionsOf(golden, name);
    const options = { maxNewTokens: greedy.length, ignoreEnd: true, interventions };
    expect((await model.complete(ids, options)).ids).toEqual(greedy);
  });
});
