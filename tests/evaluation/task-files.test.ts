/** Task files of users: what is wrong in them is told with the file, the key, what came and what was wanted. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { instancesOf } from '../../src/evaluation/tasks/instances.ts';
import { openTasks } from '../../src/evaluation/tasks/open-tasks-node.ts';

const GOOD = `task: mine
dataset_path: json
dataset_kwargs:
  data_files: {test: rows.jsonl}
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [one, two]
doc_to_target: n
`;

async function opened(yaml: string, rows = '{"q": "Which?", "n": 1}\n') {
  const folder = await mkdtemp(join(tmpdir(), 'portmanteau-tasks-'));
  await writeFile(join(folder, 'mine.yaml'), yaml);
  await writeFile(join(folder, 'rows.jsonl'), rows);
  const set = await openTasks(['mine'], { includePath: folder }, { hub: { offline: true }, samples: undefined });
  return set.tasks.flatMap((task) => instancesOf(task));
}

test('a task of a file beside its rows', async () => {
  expect(await opened(GOOD)).toEqual([
    { docId: 0, request: { kind: 'loglikelihood', context: 'Which?', continuation: ' one' } },
    { docId: 0, request: { kind: 'loglikelihood', context: 'Which?', continuation: ' two' } },
  ]);
});

test.each([
  [
    GOOD.replace('doc_to_text', 'doc_to_txt'),
    /mine\.yaml: the task has the unknown key 'doc_to_txt'; did you mean 'doc_to_text'/,
  ],
  [`${GOOD}num_fewshot: many\n`, /'num_fewshot' of the task came as "many", wanted a whole number/],
  [`${GOOD}class: !function task.Mine\n`, /'class' of the task is not supported: tasks that are classes of Python/],
  [
    `${GOOD}process_docs: !function utils.clean\n`,
    /process_docs of the task mine is the Python function 'utils\.clean', which cannot be run here/,
  ],
  [GOOD.replace('{{q}}', '{{nothing}}'), /document 0 of the task mine .*'nothing' is undefined/],
  [GOOD.replace('{{q}}', '{{q'), /is no Jinja/],
  [GOOD.replace('rows.jsonl', 'none.jsonl'), /the data file 'none\.jsonl' of the task mine does not exist/],
  [GOOD.replace('test_split: test', 'test_split: dev'), /have no split 'dev': dataset_kwargs\.data_files has test/],
  [GOOD.replace('multiple_choice', 'choices'), /'output_type' of the task came as "choices", wanted multiple_choice/],
  [`${GOOD}metric_list: [{metric: bleu}]\n`, undefined],
  [`${GOOD}include: mine.yaml\n`, /includes itself/],
  [`${GOOD}include: other.yaml\n`, /other\.yaml, which .*mine\.yaml includes, cannot be read: there is no such file/],
  ['task: [', /cannot be read as YAML/],
  [
    GOOD.replace('dataset_path: json', 'dataset_path: some/where').replace(/dataset_kwargs:\n.*\n/, ''),
    /turned off .*lacks the data set some\/where/,
  ],
])('a wrong file %#', async (yaml, message) => {
  if (message) await expect(opened(yaml)).rejects.toThrow(message);
  else await expect(opened(yaml)).resolves.toBeDefined(); // metrics are checked where answers are scored
});

test('rows that are no JSON are told with their line', async () => {
  await expect(opened(GOOD, '{"q": "a", "n": 0}\nnonsense\n')).rejects.toThrow(/rows\.jsonl, line 2 is no JSON/);
});

test('unknown names are told with the nearest', async () => {
  const open = openTasks(['helaswag'], {}, { hub: { offline: true }, samples: undefined });
  await expect(open).rejects.toThrow(/no task, group or tag 'helaswag'; did you mean 'hellaswag'/);
});
