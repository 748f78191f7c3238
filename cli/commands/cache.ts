/** `cache ls|rm|verify`: the cache of downloads; `cache tokens ls|rm`: tokens that training has made of texts. */
import type { Command } from 'commander';
import {
  cacheDirectory,
  hubReference,
  listCache,
  listTokens,
  removeCached,
  removeTokens,
  tokensDirectory,
  UsageError,
  verifyCached,
} from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { jsonOption } from '../options.ts';
import { columns, megabytes, printJson } from '../output.ts';

export function addCache(program: Command): void {
  const cache = program
    .command('cache')
    .description('list, remove and verify downloaded models; list and remove tokens of training data')
    .addHelpText(
      'after',
      '\nExamples:\n  portmanteau cache ls\n  portmanteau cache rm ibm-granite/granite-3.1-1b-a400m-base',
    );
  jsonOption(cache.command('ls'), 'cacheDir and models, each with id, bytes, revisions')
    .description('list models and their sizes')
    .action(list);
  jsonOption(cache.command('rm'), 'model and freedBytes')
    .description('remove a model, or one revision of it')
    .argument('<model>', 'hub id')
    .option('--revision <name>', 'branch, tag or commit')
    .action(remove);
  jsonOption(cache.command('verify'), 'files (how many) and damaged (which, and why)')
    .description('compare the files with their checksums; fails when one is damaged')
    .argument('[model]', 'hub id; all models without')
    .action(verify);
  addTokens(cache);
}

interface TokensFlags {
  readonly dir?: string;
  readonly json?: boolean;
}

function addTokens(cache: Command): void {
  const tokens = cache
    .command('tokens')
    .description('list and remove tokens that training has made of texts')
    .addHelpText('after', '\nExamples:\n  portmanteau cache tokens ls\n  portmanteau cache tokens rm 3f9a');
  const command = (name: string, fields: string) =>
    jsonOption(tokens.command(name), fields).option(
      '--dir <folder>',
      "folder of tokens, as 'data.cache' of a configuration names it (default: that of the user)",
    );
  command('ls', 'directory and folders, each with id, bytes, tokens, isDone, changedMs')
    .description('list folders of tokens, those written last first')
    .action(listOfTokens);
  command('rm', 'removed and freedBytes')
    .description('remove folders of tokens; a run that needs one makes it again')
    .argument('[ids...]', 'names, or their beginnings')
    .option('--all', 'all of them')
    .action(removeOfTokens);
}

async function listOfTokens({ dir: directory = tokensDirectory(), json }: TokensFlags): Promise<void> {
  const folders = await listTokens({ directory });
  if (json) return printJson({ directory, folders });
  if (folders.length === 0) process.stderr.write(`no tokens in ${directory}\n`);
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  process.stdout.write(
    columns(
      folders.map(({ id, bytes, tokens, isDone, changedMs }) => [
        megabytes(bytes),
        `${tokens?.toLocaleString('en') ?? 'unknown'} tokens`,
        day(changedMs),
        `${id}${isDone ? '' : ', not complete'}`,
      ]),
    ),
  );
}

async function removeOfTokens(
  ids: readonly string[],
  { dir: directory = tokensDirectory(), json, all }: TokensFlags & { readonly all?: boolean },
): Promise<void> {
  if (all === ids.length > 0 || (!all && ids.length === 0))
    throw new UsageError('wanted names of folders of tokens, or --all; see cache tokens ls.');
  const chosen = all ? (await listTokens({ directory })).map(({ id }) => id) : ids;
  const { removed, freedBytes } = await removeTokens(chosen, { directory });
  if (json) printJson({ removed, freedBytes });
  else process.stdout.write(`freed ${megabytes(freedBytes)}\n`);
}

async function list({ json }: { json?: boolean }): Promise<void> {
  const models = await listCache();
  if (json) return printJson({ cacheDir: cacheDirectory(), models });
  if (models.length === 0) process.stderr.write(`no models in ${cacheDirectory()}\n`);
  process.stdout.write(columns(models.map(({ id, bytes }) => [megabytes(bytes), id])));
}

/** A model as users name it: an id, an address, or a folder of the cache. */
function named(text: string): { model: string; revision?: string | undefined } {
  const found = hubReference(text, process.env.HF_ENDPOINT || undefined);
  return found ? { model: found.repo, revision: found.revision } : { model: text };
}

async function remove(text: string, flags: { revision?: string; json?: boolean }): Promise<void> {
  const { model, revision = flags.revision } = named(text);
  const { json } = flags;
  const { freedBytes } = await removeCached(model, { revision });
  if (json) printJson({ model, freedBytes });
  else process.stdout.write(`freed ${megabytes(freedBytes)}\n`);
}

async function verify(text: string | undefined, { json }: { json?: boolean }): Promise<void> {
  const model = text === undefined ? undefined : named(text).model;
  const damaged: { file: string; problem?: string }[] = [];
  let files = 0;
  for await (const { file, ok, problem } of verifyCached(model, { signal: interrupt.signal })) {
    files++;
    if (!ok) damaged.push({ file, problem });
    if (!json) process.stdout.write(`${[ok ? 'ok' : 'DAMAGED', file, problem ?? ''].join('\t').trimEnd()}\n`);
  }
  if (files === 0 && model !== undefined) throw new UsageError(`the cache has no '${model}'; see 'cache ls'.`);
  if (json) printJson({ files, damaged });
  else if (files === 0) process.stderr.write(`no models in ${cacheDirectory()}\n`);
  if (damaged.length === 0) return;
  process.stderr.write(
    `portmanteau: ${damaged.length} of ${files} files are damaged; remove the model with 'cache rm' and pull it again.\n`,
  );
  process.exitCode = 1;
}
