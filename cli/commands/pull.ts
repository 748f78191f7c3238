/** `pull MODEL`: downloads a model into the cache. */
import type { Command } from 'commander';
import { snapshot } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { printJson } from '../options.ts';
import { progressBar } from '../progress.ts';

export function addPull(program: Command): void {
  program
    .command('pull')
    .description('download a model from the hub into the cache that it shares with the Python tools')
    .argument('<model>', 'hub id, org/name')
    .option('--revision <name>', 'branch, tag or commit')
    .option('--json', 'one JSON object')
    .action(pull);
}

async function pull(reference: string, flags: { revision?: string; json?: boolean }): Promise<void> {
  const bar = progressBar('pulling');
  try {
    const folder = await snapshot(reference, {
      signal: interrupt.signal,
      onProgress: ({ file, loaded, total }) => bar.update(loaded, total, file),
      ...(flags.revision ? { revision: flags.revision } : {}),
    });
    if (flags.json) printJson({ model: reference, folder });
    else process.stdout.write(`${folder}\n`);
  } finally {
    bar.end();
  }
}
