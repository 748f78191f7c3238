/** `cache ls|rm|verify`: what lies in the cache. */
import type { Command } from 'commander';
import { listCache, removeCached, UsageError, verifyCached } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { printJson } from '../options.ts';

export function addCache(program: Command): void {
  const cache = program.command('cache').description('look after downloaded models');
  cache.command('ls').description('list models and their sizes').option('--json', 'one JSON object').action(list);
  cache
    .command('rm')
    .description('remove a model, or one revision of it')
    .argument('<model>', 'hub id')
    .option('--revision <name>', 'branch, tag or commit')
    .option('--json', 'one JSON object')
    .action(remove);
  cache
    .command('verify')
    .description('compare the files with their checksums')
    .argument('[model]', 'hub id; all models without')
    .option('--json', 'one JSON object')
    .action(verify);
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const repos = await listCache();
  if (json) return printJson({ models: repos });
  for (const { id, bytes } of repos) process.stdout.write(`${(bytes / 1e6).toFixed(1)} MB\t${id}\n`);
}

async function remove(model: string, { revision, json }: { revision?: string; json?: boolean }): Promise<void> {
  const { freedBytes } = await removeCached(model, revision ? { revision } : {});
  if (json) printJson({ model, freedBytes });
  else process.stdout.write(`freed ${(freedBytes / 1e6).toFixed(1)} MB\n`);
}

async function verify(model: string | undefined, { json }: { json?: boolean }): Promise<void> {
  const damaged: unknown[] = [];
  let files = 0;
  for await (const result of verifyCached(model, { signal: interrupt.signal })) {
    files++;
    if (!result.ok) damaged.push(result);
    if (!json)
      process.stdout.write(
        `${result.ok ? 'ok' : 'DAMAGED'}\t${result.file}${result.problem ? `\t${result.problem}` : ''}\n`,
      );
  }
  if (json) printJson({ files, damaged });
  if (damaged.length > 0)
    throw new Error(`${damaged.length} of ${files} files are damaged; remove them with 'cache rm' and pull again.`);
  if (files === 0 && model) throw new UsageError(`the cache has no '${model}'; see 'cache ls'.`);
}
