/** `quantize MODEL OUT`: converts the weights of a checkpoint once, so that loading is faster. */
import { type Command, Option } from 'commander';
import {
  openPretrained,
  type PretrainedOptions,
  type Quantized,
  quantizeModel,
  WEIGHT_FORMATS,
  type WeightFormat,
} from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { withProgress } from '../load.ts';
import { configOption, hubOptions, loadOptions, type ModelFlags } from '../model-options.ts';
import { jsonOption, modelArgument } from '../options.ts';
import { columns, megabytes, printJson } from '../output.ts';

/** Formats to convert to; f32 would only be larger. */
const FORMATS = WEIGHT_FORMATS.filter((format) => format !== 'auto' && format !== 'f32');

interface QuantizeFlags extends Omit<ModelFlags, 'keyValues'> {
  readonly weights: WeightFormat;
  readonly json?: boolean;
}

export function addQuantize(program: Command): void {
  const command = hubOptions(modelArgument(program.command('quantize')).argument('<out>', 'folder to make'))
    .description('convert the weights of a model and save it, whole or not at all; it then loads without conversion')
    .addOption(
      new Option('--weights <format>', 'what to make; ternary: q8, save for layers that are ternary')
        .choices(FORMATS)
        .makeOptionMandatory(),
    );
  configOption(loadOptions(command));
  jsonOption(command, 'out, bytes before and after, the error of each part')
    .addHelpText(
      'after',
      helpText(`
Norms, biases, convolutions and routers stay f32, ternary layers as they are. Files with q8 or q4 are for this program only;
docs/weight-formats.md describes them.

The error is the root mean square of the differences between new and stored weights, over that of the stored ones,
compared on 128 rows of each tensor that are spread evenly over it.

Examples:
  portmanteau quantize granite-tiny ./granite-tiny-q4 --weights q4
  portmanteau run ./granite-tiny-q4 'Once upon a time'`),
    )
    .action(quantize);
}

async function quantize(reference: string, out: string, flags: QuantizeFlags): Promise<void> {
  const result = await withProgress('quantizing', flags, (options) => convert(reference, out, options));
  if (flags.json) printJson({ out, weights: flags.weights, ...result });
  else process.stdout.write(sheet(out, result));
}

async function convert(reference: string, out: string, options: PretrainedOptions): Promise<Quantized> {
  const opened = await openPretrained(reference, options);
  const total = opened.plan.bytes;
  const { onProgress } = options;
  const onBytes = (loaded: number) => onProgress?.({ file: out, loaded: Math.min(loaded, total), total });
  return quantizeModel(opened, out, { ...options, onBytes });
}

function sheet(out: string, { bytesBefore, bytesAfter, parts }: Quantized): string {
  const title = `${out}: ${megabytes(bytesBefore)} -> ${megabytes(bytesAfter)}\n`;
  const percent = (x: number) => `${(100 * x).toPrecision(3)} %`;
  const rows = parts.map((p) => [
    p.name,
    `${p.stored} -> ${p.kept}`,
    p.weights.toLocaleString('en'),
    percent(p.relativeError),
  ]);
  return `${title}\nerror of the weights, relative\n${columns(rows, '  ')}`;
}
