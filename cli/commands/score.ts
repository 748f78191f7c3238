/** `score MODEL`: the probability of every token of a text. */
import { type Command, Option } from 'commander';
import {
  type OpenedModel,
  type Prompt,
  SCORE_OPTIONS,
  type Score,
  saveTensors,
  type Tokenizer,
  UsageError,
  usableBytes,
  WEIGHT_FORMATS,
  windowsOf,
} from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { COMPARE_FIELDS, type CompareFlags, printComparison } from '../compare.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type EncodeFlags, encodeOption, type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { jsonOption, NO_TEXT, outputFile, promptOf, type TextFlags, textOptions, wholeNumber } from '../options.ts';
import { columns, megabytes } from '../output.ts';
import { checkNotOfModel, checkOutput, printBeside } from '../output-file.ts';
import { standardInput } from '../standard-input.ts';
import { printProfile, watchOptions } from '../watching.ts';

interface ScoreFlags extends AdapterFlags, InterventionFlags, ModelFlags, TextFlags, CompareFlags, EncodeFlags {
  readonly alternatives?: number;
  readonly logits?: string;
}

export function addScore(program: Command): void {
  const model = watchOptions(
    adapterOption(interventionsOption(stateMemoryOption(modelOptions(textOptions(program.command('score')))))),
  );
  const command = libraryOptions(encodeOption(model), SCORE_OPTIONS, {
    alternatives: '--top <k>',
    window: ['--window <n>', wholeNumber, 'with --compare 1024 at most'],
    stride: ['--stride <n>', wholeNumber],
  })
    .description(
      'natural log-probability of every token of a text given those before it, their sum, and the perplexity; ' +
        'the first token has none',
    )
    .option(
      '--logits <file>',
      'write the raw logits as safetensors: `logits` [T, V], f32; - is standard output, and the scores go to stderr',
      outputFile,
    )
    .addOption(
      new Option('--compare <format>', 'compare --weights with weights of this format').choices(WEIGHT_FORMATS),
    );
  jsonOption(command, 'tokens with id, text, logprob, alternatives; sumLogprob; perplexity; window, stride, windows')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau score granite-tiny --text 'The cat sat on the mat' --top 3
  portmanteau score ./my-mamba --ids 1,2,3 --weights f32 --logits logits.safetensors --json
  portmanteau score granite-tiny --text-file book.txt --window 512 --stride 256
  portmanteau score granite-tiny --text-file book.txt --weights q8 --compare f32

A text longer than the model's context is read in windows. Of those before it, a window knows nothing but what it overlaps with. Each begins
with what the tokenizer puts in front of a text, and scores the tokens that no earlier one has read. Where nothing stands before such a
token (the first of a window, if windows do not overlap and nothing is put in front), it has no log-probability and does not count.
${COMPARE_FIELDS}`),
    )
    .action(score);
}

async function score(reference: string, flags: ScoreFlags): Promise<void> {
  const comparing = flags.compare !== undefined;
  if (
    comparing &&
    (flags.alternatives || flags.logits !== undefined || flags.profile || flags.interventions || flags.adapter)
  )
    throw new UsageError(
      '--top, --logits, --interventions, --adapter and --profile are for one model; leave them out, or --compare.',
    );
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  if (comparing) return printComparison(reference, prompt, flags);
  await checkOutput(flags.logits);
  const interventions = await interventionsOf(flags);
  const { window, stride, splitSpecialTokens } = flags;
  const check = async (opened: OpenedModel) => {
    noteWindows(opened, prompt, flags);
    checkNotOfModel(flags.logits, opened);
    checkFits(opened, interventions);
    await checkAdapter(opened, flags);
  };
  await withModel(reference, flags, check, async (model) => {
    const { vocabSize } = model.facts;
    const shape = [model.encode(prompt, { splitSpecialTokens }).length, vocabSize] as const;
    const logits = flags.logits === undefined ? undefined : new Float32Array(shape[0] * vocabSize);
    const result = await model.score(prompt, {
      ...{ window, stride, splitSpecialTokens, alternatives: flags.alternatives, signal: interrupt.signal },
      interventions,
      adapter: await adapterOf(model, flags),
      onLogits: (first, some) => logits?.set(some, first * vocabSize),
    });
    if (logits && flags.logits !== undefined)
      await saveTensors(flags.logits, new Map([['logits', { shape, dtype: 'f32', data: logits }]]), {
        signal: interrupt.signal,
      });
    const told = flags.json ? `${JSON.stringify(result)}\n` : sheet(result, model.tokenizer);
    if (flags.logits === undefined) process.stdout.write(told);
    else printBeside(flags.logits, told);
    printProfile(model);
  });
}

/** Prints how a text that is too long is divided into windows. Throws UsageError as windowsOf does, before the weights are loaded. */
function noteWindows(
  opened: OpenedModel,
  prompt: Prompt,
  { window: wanted, stride, splitSpecialTokens, logits, memoryBytes }: ScoreFlags,
): void {
  const { window, windows } = windowsOf(opened, prompt, { window: wanted, stride, splitSpecialTokens });
  const last = windows.at(-1);
  const tokens = last ? last.at + last.ids.length - last.first : 0;
  const logitBytes = 4 * tokens * opened.model.facts.vocabSize;
  if (logits !== undefined && logitBytes > (memoryBytes ?? usableBytes()))
    throw new UsageError(
      `the logits of ${tokens} tokens take ${megabytes(logitBytes)}, more than there is memory; give a shorter text.`,
    );
  if (wanted !== undefined || windows.length < 2) return;
  process.stderr.write(
    `note: the ${tokens} tokens are read in ${windows.length} windows of ${window}, this model's context (--window and --stride choose others)\n`,
  );
}

function sheet(
  { tokens, sumLogprob, perplexity, window, stride, windows }: Score,
  tokenizer: Tokenizer | undefined,
): string {
  const word = (id: number) => (tokenizer ? [JSON.stringify(tokenizer.piece(id))] : []);
  const rows = tokens.map(({ id, logprob, alternatives = [] }) => [
    id,
    logprob?.toFixed(6) ?? '-',
    ...word(id),
    ...alternatives.map((other) => [other.id, ...word(other.id), other.logprob.toFixed(3)].join(' ')),
  ]);
  const ends = [
    ...(windows > 1 ? [['windows', `${windows} of ${window} tokens, one every ${stride}`]] : []),
    ['sum', sumLogprob.toFixed(6)],
    ['perplexity', Number.isNaN(perplexity) ? '- (there is no token after the first)' : perplexity.toFixed(6)],
  ];
  return columns(rows) + columns(ends);
}
