/** Tasks about senses give the numbers of `model.senses`, in the form of all results, and are refused where there are no senses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { evaluate, fromPretrained, type Model, OCCUPATIONS, readWordPairs } from '../../src/node.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/evaluation/models/backpack', import.meta.url));
const PAIRS = 'cat;dog;3\nboy;girl;2.5\nhouse;river;0.4\nking;queen;3.2\nmany;the;1\n';
/** Occupations that are one token of this tokenizer. */
const DATA = { ...OCCUPATIONS, words: ['the', 'of', 'carpenter', 'and'], pair: ['he', 'she'] as [string, string] };

let folder: string;
let model: Model;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'senses-'));
  writeFileSync(join(folder, 'pairs.csv'), PAIRS);
  const rows = DATA.words.map((word) => JSON.stringify({ ...DATA, words: undefined, word }));
  writeFileSync(join(folder, 'words.jsonl'), rows.join('\n'));
  write('alike', {
    dataset_path: 'word_pairs',
    dataset_kwargs: { data_files: { test: 'pairs.csv' } },
    output_type: 'sense_similarity',
    doc_to_choice: '{{[word1, word2]}}',
    doc_to_target: 'score',
  });
  write('leaning', {
    dataset_path: 'json',
    dataset_kwargs: { data_files: { test: 'words.jsonl' } },
    output_type: 'sense_bias',
  });
  model = await fromPretrained(FOLDER, { threads: 1 });
});
afterAll(async () => {
  await model.dispose();
  rmSync(folder, { recursive: true });
});

function write(task: string, keys: object) {
  writeFileSync(
    join(folder, `${task}.yaml`),
    stringify({ task, test_split: 'test', ...keys, metadata: { version: 1 } }),
  );
}

const run = (tasks: string[], more: object = {}) => evaluate(model, { tasks, includePath: folder, ...more });

it('correlations are those of scorePairs, for each sense and each function', async () => {
  const { results, failures } = await run(['alike']);
  expect(failures).toEqual([]);
  const { senses, min, max, minAny, maxAny, flat } = await model.senses.scorePairs(readWordPairs(PAIRS));
  expect(results.results.alike).toMatchObject({
    ...Object.fromEntries(senses.map((value, l) => [`spearman_sense_${l},none`, value])),
    'spearman_min,none': min,
    'spearman_max,none': max,
    'spearman_min_any,none': minAny,
    'spearman_max_any,none': maxAny,
    'spearman_flat,none': flat,
    'spearman_flat_stderr,none': 'N/A',
    sample_len: 5,
  });
});

describe('ratios', () => {
  it('are those of bias, over the words of one token', async () => {
    const { results, failures } = await run(['leaning']);
    expect(failures).toEqual([]);
    const bias = await model.senses.bias({ data: DATA });
    expect(bias.words.length).toBeGreaterThan(1);
    expect(results.results.leaning).toMatchObject({
      'bias_ratio,none': bias.original,
      'bias_ratio_removed,none': bias.removed,
      'bias_ratio_fitted,none': bias.fitted,
      'bias_sense,none': bias.sense,
      'bias_words,none': bias.words.length,
      ...Object.fromEntries(bias.withoutEach.map((value, l) => [`bias_ratio_without_${l},none`, value])),
    });
  });

  it('are of the sense that the task names', async () => {
    const metric_list = [{ metric: 'bias_ratio_removed', sense: 2 }];
    write('second', {
      dataset_path: 'json',
      dataset_kwargs: { data_files: { test: 'words.jsonl' } },
      output_type: 'sense_bias',
      metric_list,
    });
    const { results } = await run(['second']);
    const { removed } = await model.senses.bias({ data: DATA, sense: 2 });
    expect(results.results.second).toMatchObject({ 'bias_ratio_removed,none': removed });
    expect(results.results.second).not.toHaveProperty('bias_ratio,none');
  });
});

it('a run that goes on has the same numbers', async () => {
  const wanted = (await run(['alike', 'leaning'])).results.results;
  const stop = new AbortController();
  const more = { outputPath: join(folder, 'out'), modelName: 'm', resume: true };
  const onProgress = ({ done }: { done: number }) => done === 4 && stop.abort();
  await expect(run(['alike', 'leaning'], { ...more, signal: stop.signal, onProgress })).rejects.toThrow(/abort/);
  expect((await run(['alike', 'leaning'], more)).results.results).toEqual(wanted);
});

it('models without senses, and changed ones, are refused before anything is computed', async () => {
  const interventions = [{ site: 'hidden', scale: 2 }] as const;
  await expect(run(['alike'], { interventions })).rejects.toThrow(/leave out the adapter and the interventions/);
  await using other = await fromPretrained('granite-tiny', { threads: 1 });
  await expect(evaluate(other, { tasks: ['leaning'], includePath: folder })).rejects.toThrow(/senses/);
});
