/** Evaluations by the command line, on a task and data of their own. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Ended, start } from './cli.ts';

export const TASK = 'endings';

/** A folder with a task file and its data. */
export function taskFolder(folder: string, documents: number): string {
  const names = ['The cat', 'A dog', 'Her friend', 'The old man', 'Nobody'];
  const rows = Array.from({ length: documents }, (_, i) => ({
    start: `Once upon a time there were ${i} houses near a river. ${names[i % names.length]} went to`,
    ends: ['the river.', `house number ${i}.`, 'sleep, and that was that.'],
    right: i % 3,
  }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(
    join(folder, `${TASK}.yaml`),
    [
      `task: ${TASK}`,
      'dataset_path: json',
      `dataset_kwargs: { data_files: { test: ${JSON.stringify(join(folder, 'rows.jsonl'))} } }`,
      'output_type: multiple_choice',
      'test_split: test',
      'doc_to_text: start',
      'doc_to_target: right',
      'doc_to_choice: ends',
      'metric_list: [{ metric: acc }, { metric: acc_norm }]',
      'metadata: { version: 1.0 }',
      '',
    ].join('\n'),
  );
  return folder;
}

/** Contents of the files of a run, without what tells the time. */
export function writtenIn(folder: string): Record<string, string> {
  const time = /\d{4}-\d\d-\d\dT[\d:-]+\.\d+Z?/g;
  const plain = (text: string) => text.replace(time, 'TIME').replace(/"date": [\d.]+/, '"date": TIME');
  return Object.fromEntries(
    readdirSync(folder).map((name) => [plain(name), plain(readFileSync(join(folder, name), 'utf8'))]),
  );
}

/** Kills a command by SIGKILL as soon as `isTime`; gives its end, which is its own where it was faster. */
export async function killed(args: readonly string[], isTime: () => boolean): Promise<Ended> {
  const { child, ended } = start(args);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver && !isTime()) await setTimeout(2);
  child.kill('SIGKILL');
  return ended;
}

/** Answers in the journal of a run. */
export function answersIn(folder: string): number {
  const file = join(folder, 'answers.journal');
  return existsSync(file) ? Math.max(0, readFileSync(file, 'utf8').split('\n').length - 2) : 0;
}
