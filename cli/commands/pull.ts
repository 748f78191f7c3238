/** `pull MODEL`: downloads a model into the cache. */
import type { Command } from 'commander';
import { openPretrained, shippedModelNames, snapshot, UsageError } from '../../src/node.ts';
import { withProgress } from '../load.ts';
import { type HubFlags, hubOptions } from '../model-options.ts';
import { jsonOption } from '../options.ts';
import { printJson } from '../output.ts';

export function addPull(program: Command): void {
  const command = hubOptions(program.command('pull'))
    .description(
      'download a model into the cache that is shared with the Python tools; files in it are not downloaded again',
    )
    .argument('<model>', 'hub id (org/name, org/name@revision), or the address of its page');
  jsonOption(command, 'model and folder')
    .addHelpText(
      'after',
      `
Examples:
  portmanteau pull ibm-granite/granite-3.1-1b-a400m-base
  HF_TOKEN=… portmanteau pull org/private-model --revision refs/pr/1`,
    )
    .action(pull);
}

async function pull(reference: string, flags: HubFlags & { json?: boolean }): Promise<void> {
  if (shippedModelNames().includes(reference))
    throw new UsageError(`${reference} ships with this package: there is nothing to pull.`);
  const folder = await withProgress('pulling', flags, async (options) => {
    const { hub, revision, signal, onWarning } = options;
    const folder = await snapshot(reference, { ...hub, revision, signal, onWarning });
    try {
      // Reports problems of the model now, and downloads its tokenizer if that is in another repository.
      const { checkpoint } = await openPretrained(reference, options);
      await checkpoint.close();
    } catch (error) {
      signal?.throwIfAborted();
      onWarning?.(`${reference} was downloaded, but cannot be run: ${(error as Error).message}`);
    }
    return folder;
  });
  if (flags.json) printJson({ model: reference, folder });
  else process.stdout.write(`${folder}\n`);
}
