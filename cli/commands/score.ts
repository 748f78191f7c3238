/** `score MODEL`: the probability of every token of a text. */
import { type Command, Option } from 'commander';
import {
  checkBeforeLoad,
  type OpenedModel,
  type Score,
  saveTensors,
  type Tokenizer,
  UsageError,
  WEIGHT_FORMATS,
} from '../../src/node.ts';
import { COMPARE_FIELDS, type CompareFlags, printComparison } from '../compare.ts';
import { interrupt } from '../interrupt.ts';
import { withModel } from '../load.ts';
import {
  jsonOption,
  type ModelFlags,
  modelOptions,
  outputFile,
  promptOf,
  type TextFlags,
  textOptions,
  wholeNumber,
} from '../options.ts';
import { columns } from '../output.ts';
import { checkNotOfModel, checkOutput, printBeside } from '../output-file.ts';

interface ScoreFlags extends ModelFlags, TextFlags, CompareFlags {
  readonly top: number;
  readonly logits?: string;
}

export function addScore(program: Command): void {
  const command = modelOptions(textOptions(program.command('score')))
    .description(
      'natural log-probability of every token of a text given those before it, their sum, and the perplexity; ' +
        'the first token has none',
    )
    .option('--top <k>', 'also the k likeliest tokens at each place', wholeNumber, 0)
    .option(
      '--logits <file>',
      'write the raw logits as safetensors: `logits` [T, V], f32; - is standard output, and the scores go to stderr',
      outputFile,
    )
    .addOption(
      new Option('--compare <format>', 'how far --weights is from weights of this format').choices(WEIGHT_FORMATS),
    )
    .option(
      '--window <n>',
      "with --compare: the text in windows of n tokens (default: the model's context, 1024 at most)",
      wholeNumber,
    );
  jsonOption(command, 'tokens with id, text, logprob; sumLogprob; perplexity')
    .addHelpText(
      'after',
      `
Examples:
  portmanteau score granite-tiny --text 'The cat sat on the mat' --top 3
  portmanteau score ./my-mamba --ids 1,2,3 --weights f32 --logits logits.safetensors --json
  portmanteau score granite-tiny --text-file book.txt --weights q8 --compare f32

Windows do not overlap; the model knows nothing of earlier ones, which makes any text short enough.
${COMPARE_FIELDS}`,
    )
    .action(score);
}

async function score(reference: string, flags: ScoreFlags): Promise<void> {
  const prompt = promptOf(flags);
  if (flags.compare !== undefined) {
    if (flags.top > 0 || flags.logits !== undefined)
      throw new UsageError('--top and --logits show one model; leave them out, or --compare.');
    return printComparison(reference, prompt, flags);
  }
  if (flags.window !== undefined) throw new UsageError('--window goes with --compare.');
  await checkOutput(flags.logits);
  const check = (opened: OpenedModel) => {
    checkBeforeLoad(opened, prompt);
    checkNotOfModel(flags.logits, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const ids = model.encode(prompt);
    const { vocabSize } = model.opened.model.facts;
    const shape = [ids.length, vocabSize];
    let logits: Float32Array | undefined; // made late: ids that are too many for the model are refused before
    const result = await model.score(ids, {
      alternatives: flags.top,
      signal: interrupt.signal,
      onLogits: (first, some) => {
        if (flags.logits === undefined) return;
        logits ??= new Float32Array(ids.length * vocabSize);
        logits.set(some, first * vocabSize);
      },
    });
    if (logits && flags.logits !== undefined)
      await saveTensors(flags.logits, new Map([['logits', { shape, dtype: 'f32', data: logits }]]), {
        signal: interrupt.signal,
      });
    const told = flags.json ? `${JSON.stringify(result)}\n` : sheet(result, model.tokenizer);
    if (flags.logits === undefined) process.stdout.write(told);
    else printBeside(flags.logits, told);
  });
}

function sheet({ tokens, sumLogprob, perplexity }: Score, tokenizer: Tokenizer | undefined): string {
  const word = (id: number) => (tokenizer ? [JSON.stringify(tokenizer.piece(id))] : []);
  const rows = tokens.map(({ id, logprob, alternatives = [] }) => [
    id,
    logprob?.toFixed(6) ?? '-',
    ...word(id),
    ...alternatives.map((other) => [other.id, ...word(other.id), other.logprob.toFixed(3)].join(' ')),
  ]);
  const ends = [
    ['sum', sumLogprob.toFixed(6)],
    ['perplexity', Number.isNaN(perplexity) ? '- (there is no token after the first)' : perplexity.toFixed(6)],
  ];
  return columns(rows) + columns(ends);
}
