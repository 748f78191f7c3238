/** `adapter info|merge`: LoRA adapters, as PEFT stores them. */
import type { Command } from 'commander';
import { checkAdapterFits, checkNewFolder, describeAdapter, mergeAdapter, saveModel } from '../../src/node.ts';
import { adapterFolder } from '../adapter-option.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions } from '../model-options.ts';
import { jsonOption } from '../options.ts';
import { columns, printJson } from '../output.ts';

export function addAdapter(program: Command): void {
  const adapter = program
    .command('adapter')
    .description('LoRA adapters: describe one, or merge it into its model')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau adapter info ./my-adapter
  portmanteau adapter merge granite-tiny ./my-adapter --out ./merged
  portmanteau run granite-tiny 'Once upon a time' --adapter ./my-adapter`),
    );
  jsonOption(adapter.command('info'), 'base, rank, alpha, rslora, parameters, tensors with name, shape, dtype')
    .description('rank, scale and tensors of an adapter')
    .argument('<dir>', 'folder of the adapter, or a hub id')
    .action(info);
  jsonOption(modelOptions(adapter.command('merge')), 'out')
    .argument('<dir>', 'folder of the adapter, or a hub id')
    .description('add an adapter to the weights of its model and save that, whole or not at all')
    .requiredOption('--out <dir>', 'folder to make')
    .action(merge);
}

async function info(reference: string, { json }: { json?: boolean }): Promise<void> {
  const described = await describeAdapter(await adapterFolder(reference));
  if (json) return printJson(described);
  const { base, rank, alpha, rslora, parameters, tensors } = described;
  process.stdout.write(
    columns([
      ['model', base ?? '-'],
      ['rank', rank],
      ['alpha', `${alpha}${rslora ? ', rank-stabilised' : ''}`],
      ['parameters', parameters.toLocaleString('en')],
    ]) + columns(tensors.map(({ name, shape, dtype }) => [name, dtype, `[${shape.join(', ')}]`])),
  );
}

async function merge(
  reference: string,
  adapter: string,
  flags: ModelFlags & { readonly out: string; readonly json?: boolean },
): Promise<void> {
  await checkNewFolder(flags.out);
  const folder = await adapterFolder(adapter);
  await withModel(
    reference,
    flags,
    (opened) => checkAdapterFits(opened, folder, { merges: true }),
    async (model) => {
      await mergeAdapter(model, folder, interrupt.signal);
      await saveModel(model, flags.out, { signal: interrupt.signal });
    },
  );
  if (flags.json) printJson({ out: flags.out });
  else process.stdout.write(`${flags.out}\n`);
}
