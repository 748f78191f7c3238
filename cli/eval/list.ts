/** `eval ls`: the tasks that can be evaluated. */
import type { Command } from 'commander';
import { type ListedTask, listTasks } from '../../src/node.ts';
import { jsonOption } from '../options.ts';
import { columns, printJson } from '../output.ts';

interface ListFlags {
  readonly includePath?: string;
  readonly json?: boolean;
}

export function addList(evaluation: Command): void {
  const command = evaluation
    .command('ls')
    .description('the tasks, groups and tags that --tasks may name')
    .option('--include-path <dir>', 'also those of the task files in this folder');
  jsonOption(command, '`tasks`: a list with name, kind, source, parts').action(async (_: ListFlags, self: Command) => {
    const flags: ListFlags = self.optsWithGlobals(); // `eval` itself has flags of these names, and takes them
    const tasks = await listTasks({ includePath: flags.includePath });
    if (flags.json) printJson({ tasks });
    else process.stdout.write(columns(tasks.map(rowOf)));
  });
}

/** Parts beyond these are counted only. */
const MOST_PARTS = 6;

function rowOf({ name, kind, source, parts }: ListedTask): string[] {
  const more = parts.length > MOST_PARTS ? `, and ${parts.length - MOST_PARTS} more` : '';
  return [name, kind, parts.length > 0 ? parts.slice(0, MOST_PARTS).join(', ') + more : source];
}
