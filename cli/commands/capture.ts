/** `capture MODEL`: writes values from inside a pass to a file. */
import type { Command } from 'commander';
import { checkBeforeLoad, type OpenedModel, saveTensors } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { withModel } from '../load.ts';
import {
  collect,
  jsonOption,
  type ModelFlags,
  modelOptions,
  outputFile,
  promptOf,
  type TextFlags,
  textOptions,
} from '../options.ts';
import { columns, printJson } from '../output.ts';

interface CaptureFlags extends ModelFlags, TextFlags {
  readonly sites: string[];
  readonly out: string;
  readonly json?: boolean;
}

export function addCapture(program: Command): void {
  const command = modelOptions(textOptions(program.command('capture')))
    .description('write values from inside the model while it reads a text; `info` lists the sites that have some')
    .requiredOption('--sites <glob>', 'site names, * for any part, as in blocks.*.pattern; may be given again', collect)
    .requiredOption('--out <file>', 'safetensors file to write, one tensor per site', outputFile);
  jsonOption(command, 'out, and tensors with name, shape, dtype')
    .addHelpText(
      'after',
      `
Examples:
  portmanteau capture granite-tiny --text 'Hello there' --sites 'blocks.*.pattern' --out patterns.safetensors
  portmanteau capture ./my-mamba --ids 1,2,3 --sites 'blocks.0.*' --sites hidden --out insides.safetensors`,
    )
    .action(capture);
}

async function capture(reference: string, flags: CaptureFlags): Promise<void> {
  const prompt = promptOf(flags);
  const check = (opened: OpenedModel) => checkBeforeLoad(opened, prompt, flags.sites);
  await withModel(reference, flags, check, async (model) => {
    const captured = await model.capture(prompt, { sites: flags.sites, signal: interrupt.signal });
    await saveTensors(flags.out, captured);
    const list = [...captured].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
    if (flags.json) printJson({ out: flags.out, tensors: list });
    else process.stdout.write(columns(list.map(({ name, shape, dtype }) => [name, dtype, `[${shape.join(', ')}]`])));
  });
}
