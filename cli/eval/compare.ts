/** `eval compare A B`: two runs, document by document. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type ComparedMetric, compareSamples, comparisonReport, type Sample, UsageError } from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';

export function addCompare(evaluation: Command): void {
  const command = evaluation
    .command('compare')
    .argument('<first>', 'a samples file, or the folder of a run with --log-samples', existing)
    .argument('<second>', 'the same of another model, on the same documents', existing)
    .description(
      'which of two models is better, and whether that is more than chance: a paired bootstrap and McNemar’s test',
    );
  reportOptions(command, '`compared`: a list with task, metric, first, second, difference, interval, p')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau eval compare results/my-model results/my-model-q4
  portmanteau eval compare results/a/samples_piqa_2026-01-01T10-00-00.jsonl results/b/samples_piqa_2026-01-02T10-00-00.jsonl --html page.html

Of a folder, the newest samples file of each task counts; tasks that only one folder has are left out.`),
    )
    .action(compare);
}

async function compare(first: string, second: string, _: ReportFlags, self: Command): Promise<void> {
  const flags: ReportFlags = self.optsWithGlobals(); // `eval` itself has --json, and takes it
  await checkReport(flags);
  const [a, b] = [samplesIn(first), samplesIn(second)];
  // Two files are compared whatever they are called.
  const isFiles = [first, second].every((path) => statSync(path).isFile());
  const [[name = ''] = [], [other = ''] = []] = [[...a.keys()], [...b.keys()]];
  const pairs = isFiles
    ? [[name, other] as const]
    : [...a.keys()].filter((task) => b.has(task)).map((task) => [task, task] as const);
  if (pairs.length === 0)
    throw new UsageError(`${first} and ${second} have no task in common: ${[...a.keys()]} and ${[...b.keys()]}.`);
  const compared: ComparedMetric[] = pairs.flatMap(([task, same]) =>
    compareSamples(task, readSamples(a.get(task) as string), readSamples(b.get(same) as string)),
  );
  await tellReport(flags, { first, second, compared }, comparisonReport(compared, [first, second]));
}

function existing(path: string): string {
  if (!existsSync(path)) throw new InvalidArgumentError('There is no such file or folder.');
  return path;
}

/** samples_TASK_TIME.jsonl, as the harness names them. */
const NAME = /^samples_(.+)_\d{4}-\d\d-\d\dT[\d.:+-]+\.jsonl$/;

/** The newest samples file of each task: a folder's, or the file itself. */
function samplesIn(path: string): Map<string, string> {
  const taskOf = (name: string) => NAME.exec(name)?.[1];
  if (statSync(path).isFile()) return new Map([[taskOf(basename(path)) ?? basename(path), path]]);
  const found = new Map<string, string>();
  for (const name of readdirSync(path).sort()) {
    const task = taskOf(name);
    if (task !== undefined) found.set(task, join(path, name)); // names of a task are in the order of their times
  }
  if (found.size === 0)
    throw new UsageError(`there are no samples in ${path}: evaluate with --output-path and --log-samples.`);
  return found;
}

function readSamples(file: string): Sample[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line, i) => {
    try {
      const sample = JSON.parse(line) as Sample;
      if (typeof sample.doc_id === 'number') return sample;
    } catch {
      // told below
    }
    throw new UsageError(`line ${i + 1} of ${file} is no sample of an evaluation.`);
  });
}
