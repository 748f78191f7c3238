/** Data sets of the hub: the Parquet files of one split, downloaded once into the cache, with their columns. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hubDataSet } from '../../src/evaluation/data/hub-data-set-node.ts';
import { COMMIT, type FakeHub, fakeHub } from '../hub/fake-hub.ts';
import { scratch } from '../hub/scratch.ts';

const directory = scratch();
const fixture = (name: string) => ({
  content: readFileSync(fileURLToPath(new URL(`../fixtures/parquet/${name}`, import.meta.url))),
  large: true,
});
const QUESTIONS = [
  {
    question: 'What is ice?',
    choices: { text: ['water', 'fire'], label: ['A', 'B'] },
    answerKey: 'A',
    label: 0,
  },
  {
    question: 'Qué 🙂?',
    choices: { text: ['sí', 'no', 'a', 'b', 'c'], label: ['1', '2', '3', '4', '5'] },
    answerKey: '2',
    label: 1,
  },
];

/** A hub whose data set org/set has its Parquet files on a branch of their own. */
async function dataHub(): Promise<FakeHub> {
  const questions = fixture('questions.parquet');
  const files = {
    'default/test/0000.parquet': questions,
    'default/test/0001.parquet': questions,
    'default/train/0000.parquet': fixture('snappy.parquet'),
    'other/test/0000.parquet': questions,
  };
  const hub = await fakeHub(files, 'org/set');
  hub.refs.clear();
  hub.refs.set('refs/convert/parquet', COMMIT);
  hub.front = (request) => {
    expect(request.url).toMatch(/^\/(api\/)?datasets\/org\/set\//);
    request.url = request.url?.replace('/api/datasets/', '/api/models/').replace(/^\/datasets/, '');
    return false;
  };
  return hub;
}

const optionsOf = ({ endpoint }: FakeHub) => ({ endpoint, cacheDir: `${directory.path}/cache` });

test('the rows of all files of a split, in order, with lists and whole numbers', async () => {
  await using hub = await dataHub();
  const set = hubDataSet('org/set', undefined, {}, optionsOf(hub));
  expect(await set.rows('test')).toEqual([...QUESTIONS, ...QUESTIONS]);
  expect(set.origin.source).toBe('org/set of the hub');
});

test('a named configuration, and columns by other names', async () => {
  await using hub = await dataHub();
  const set = hubDataSet('org/set', 'other', { query: 'question' }, optionsOf(hub));
  expect((await set.rows('test'))[0]).toMatchObject({ query: 'What is ice?', answerKey: 'A' });
});

test('a split is downloaded once, and read offline from then on; a split that is not there says so', async () => {
  await using hub = await dataHub();
  const options = optionsOf(hub);
  await hubDataSet('org/set', undefined, {}, options).rows('test');
  const requests = hub.seen.length;
  expect(hub.seen.some(({ path }) => path.includes('train'))).toBe(false);
  const again = hubDataSet('org/set', undefined, {}, { ...options, offline: true });
  expect(await again.rows('test')).toHaveLength(4);
  expect(hub.seen).toHaveLength(requests);
  await expect(again.rows('train')).rejects.toThrow(/turned off.*lacks the data set org\/set/);
});

test('an unknown split or configuration names those there are', async () => {
  await using hub = await dataHub();
  await expect(hubDataSet('org/set', undefined, {}, optionsOf(hub)).rows('validation')).rejects.toThrow(
    "no split 'validation' of 'default': it has default/test, default/train, other/test.",
  );
});

test('a file that ends too early is no data, and is not kept', async () => {
  await using hub = await dataHub();
  hub.fault = (_, response, { content }) => {
    response.setHeader('content-length', content.length);
    response.write(content.subarray(0, 100), () => response.destroy());
    return true;
  };
  const options = { ...optionsOf(hub), retries: 0 };
  await expect(hubDataSet('org/set', undefined, {}, options).rows('test')).rejects.toThrow();
  hub.fault = undefined;
  expect(await hubDataSet('org/set', undefined, {}, options).rows('test')).toHaveLength(4);
});
