/** `repeats` of a task: as many answers to each request as it says, each drawn with a seed of its own, and filters that choose among them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { prepareEvaluation } from '../../src/node.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'repeats-'));
  writeFileSync(join(folder, 'rows.jsonl'), '{"q": "one", "a": "x"}\n{"q": "two", "a": "y"}\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const filters = (...steps: object[]) => steps.map((step, i) => ({ name: `f${i}`, filter: step }));

async function prepared(keys: object) {
  const task = {
    ...{ task: 'again', dataset_path: 'json', dataset_kwargs: { data_files: { test: 'rows.jsonl' } } },
    ...{ test_split: 'test', output_type: 'generate_until', doc_to_text: 'q', doc_to_target: 'a', repeats: 3 },
    ...{ generation_kwargs: { until: ['.'], do_sample: true, temperature: 0.7 }, ...keys },
  };
  writeFileSync(join(folder, 'task.yaml'), stringify(task));
  return prepareEvaluation({ tasks: ['again'], includePath: folder });
}

const facts = { modelName: 'm', started: '2026-01-01T00:00:00.000Z', seeds: [0, 1, 2, 3], record: {} } as const;
const texts = (all: string[]) => all.map((text) => ({ kind: 'generate', text }) as const);

it('answers that are drawn are as many requests with different seeds', async () => {
  const { tasks } = await prepared({});
  const requests = tasks[0]?.instances.map(({ request }) => request) as { sampling: { seed: number } }[];
  expect(requests.map(({ sampling }) => sampling.seed)).toEqual([1234, 1235, 1236, 1234, 1235, 1236]);
});

it('filters choose among them, and samples have all', async () => {
  const list = filters(
    [{ function: 'take_first' }],
    [{ function: 'majority_vote' }, { function: 'take_first' }],
    [{ function: 'take_first_k', k: 2 }, { function: 'majority_vote' }, { function: 'take_first' }],
  );
  const { output } = await prepared({ filter_list: list });
  const { results, samples } = output([texts(['a', 'x', 'x', 'y', 'z', 'z'])], facts);
  expect(results.results.again).toMatchObject({
    'exact_match,f0': 0.5,
    'exact_match,f1': 0.5,
    'exact_match,f2': 0.5,
  });
  const rows = samples.get('again') as { filter: string; doc_id: number; resps: unknown; filtered_resps: unknown }[];
  expect(rows.map(({ filter, doc_id, filtered_resps }) => [filter, doc_id, filtered_resps])).toEqual([
    ['f0', 0, ['a']],
    ['f0', 1, ['y']],
    ['f1', 0, ['x']],
    ['f1', 1, ['z']],
    ['f2', 0, ['a']],
    ['f2', 1, ['y']],
  ]);
  expect(rows[0]?.resps).toEqual([['a', 'x', 'x']]);
});

it('answers that would be alike are asked for once', async () => {
  const { tasks, output } = await prepared({ generation_kwargs: { until: ['.'] } });
  expect(tasks[0]?.instances.length).toBe(2);
  const { samples } = output([texts(['x', 'y'])], facts);
  expect(samples.get('again')?.map((row) => (row as { resps: unknown }).resps)).toEqual([
    [['x', 'x', 'x']],
    [['y', 'y', 'y']],
  ]);
});

it('more answers than there are cannot be taken', async () => {
  const filter_list = filters([{ function: 'take_first_k', k: 4 }]);
  await expect(prepared({ filter_list })).rejects.toThrow(/take_first_k has k: 4, but there are 3 answers/);
  await expect(prepared({ repeats: 0 })).rejects.toThrow(/'repeats' .* from 1 on/);
});
