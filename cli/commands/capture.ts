/** `capture MODEL`: writes values from inside a pass to a file. */
import type { Command } from 'commander';
import { saveTensors } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import {
  collect,
  type ModelFlags,
  modelOptions,
  printJson,
  promptOf,
  type TextFlags,
  textOptions,
  withModel,
} from '../options.ts';

interface CaptureFlags extends ModelFlags, TextFlags {
  readonly sites: string[];
  readonly out: string;
  readonly json?: boolean;
}

export function addCapture(program: Command): void {
  modelOptions(textOptions(program.command('capture')))
    .description('write the values of sites while the model reads a text; `info` lists the sites')
    .argument('<model>', 'folder, shipped model, or hub id')
    .requiredOption('--sites <glob>', 'site names, * for any part, as in blocks.*.pattern; may be given again', collect)
    .requiredOption('--out <file>', 'safetensors file to write')
    .option('--json', 'one JSON object that lists what was written')
    .action(capture);
}

async function capture(reference: string, flags: CaptureFlags): Promise<void> {
  const prompt = promptOf(flags);
  await withModel(reference, flags, async (model) => {
    const captured = await model.capture(prompt, { sites: flags.sites, signal: interrupt.signal });
    await saveTensors(flags.out, captured);
    const list = [...captured].map(([name, { shape, dtype }]) => ({ name, shape, dtype }));
    if (flags.json) return printJson({ out: flags.out, tensors: list });
    for (const { name, shape, dtype } of list) process.stdout.write(`${name}\t${dtype}\t[${shape.join(', ')}]\n`);
  });
}
