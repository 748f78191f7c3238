/** `capture MODEL`: writes values of a forward pass to a file. */
import type { Command } from 'commander';
import { checkBeforeLoad, type OpenedModel, saveTensors } from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { collect, jsonOption, NO_TEXT, outputFile, promptOf, type TextFlags, textOptions } from '../options.ts';
import { columns } from '../output.ts';
import { checkNotOfModel, checkOutput, printBeside } from '../output-file.ts';
import { standardInput } from '../standard-input.ts';

interface CaptureFlags extends AdapterFlags, InterventionFlags, ModelFlags, TextFlags {
  readonly sites: string[];
  readonly out: string;
  readonly json?: boolean;
}

export function addCapture(program: Command): void {
  const command = adapterOption(
    interventionsOption(stateMemoryOption(modelOptions(textOptions(program.command('capture'))))),
  )
    .description('write values of a forward pass over a text; `info` lists the sites')
    .requiredOption('--sites <glob>', 'site names, * for any part, as in blocks.*.pattern; may be given again', collect)
    .requiredOption(
      '--out <file>',
      'safetensors file to write, one tensor per site; - is standard output, and the list goes to stderr',
      outputFile,
    );
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
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  await checkOutput(flags.out);
  const interventions = await interventionsOf(flags);
  const check = async (opened: OpenedModel) => {
    checkBeforeLoad(opened, prompt, flags.sites);
    checkNotOfModel(flags.out, opened);
    checkFits(opened, interventions);
    await checkAdapter(opened, flags);
  };
  await withModel(reference, flags, check, async (model) => {
    const adapter = await adapterOf(model, flags);
    const options = { sites: flags.sites, interventions, adapter, signal: interrupt.signal };
    const captured = await model.capture(prompt, options);
    await saveTensors(flags.out, captured, { signal: interrupt.signal });
    const list = [...captured].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
    const sheet = () => columns(list.map(({ name, shape, dtype }) => [name, dtype, `[${shape.join(', ')}]`]));
    printBeside(flags.out, flags.json ? `${JSON.stringify({ out: flags.out, tensors: list })}\n` : sheet());
  });
}
