/** `run MODEL [PROMPT]`: streams text. */
import type { Command } from 'commander';
import {
  checkBeforeLoad,
  checkSavedState,
  checkStateContinues,
  encodePrompt,
  type GenerationStep,
  type Model,
  type OpenedModel,
  type Prompt,
  saveState,
  type TokenMask,
  UsageError,
} from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter, tracesOfAdapter } from '../adapter-option.ts';
import { type FormFlags, formOf, formOptions, noteCutOff } from '../form.ts';
import { type GenerationFlags, generationFlags, generationOptions, SAMPLING_ABOUT } from '../generation.ts';
import { helpText } from '../help-text.ts';
import { breathe, interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { withModel } from '../load.ts';
import { conversationOf, idsOfMessages, type MessageFlags, messagesOption } from '../messages.ts';
import { type EncodeFlags, encodeOption, type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { idList, inputFile, jsonOption, outputFile } from '../options.ts';
import { printJson } from '../output.ts';
import { checkNotOfModel, checkOutput, isStandardOutput } from '../output-file.ts';
import { standardInput } from '../standard-input.ts';
import { appended, checkKeeps, describeStates, type StateFlags, stateFor } from '../states.ts';
import { statsSheet, stopwatch } from '../stats.ts';
import { printProfile, watchOptions } from '../watching.ts';

interface RunFlags
  extends AdapterFlags,
    InterventionFlags,
    ModelFlags,
    GenerationFlags,
    StateFlags,
    EncodeFlags,
    FormFlags,
    MessageFlags {
  readonly ids?: number[];
  readonly json?: boolean;
  readonly stats?: boolean;
}

export function addRun(program: Command): void {
  const model = adapterOption(interventionsOption(stateMemoryOption(modelOptions(program.command('run')))));
  const command = watchOptions(formOptions(messagesOption(encodeOption(generationFlags(model)))))
    .description('continue a text; prints what follows, without the text itself. With --ids and no tokenizer, ids')
    .argument(
      '[prompt]',
      'the text to continue; without one, or with -, standard input is read, without its final line end',
    )
    .option('--ids <list>', 'token ids in place of a prompt, as in 1,2,3', idList)
    .option('--save-state <file>', 'write the state after prompt and new tokens, as safetensors', outputFile)
    .option(
      '--load-state <file>',
      'a saved state; if the prompt begins with its text, only the rest is read',
      inputFile,
    )
    .option('--continue', 'with --load-state: the prompt continues the text that the state has read')
    .option('--force', 'with --save-state: replace a saved state even if the text that it has read is lost')
    .option('--stats', 'load time, tokens per second, peak memory, seed: on stderr, or in the object of --json');
  jsonOption(command, 'promptIds, ids, text (with a tokenizer), logprobs, finishReason, seed (if tokens were drawn)')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau run granite-tiny 'Once upon a time' -n 50 --temperature 0.7
  portmanteau run backpack-tiny 'The cat' --temperature 0.8 --top-p 0.95 --seed 1 --stop $'\\n'
  portmanteau run ./my-mamba --ids 1,2,3 --json
  echo '[{"role": "user", "content": "Hello"}]' | portmanteau run ibm-granite/granite-3.1-1b-a400m-instruct --messages -
  echo 'The cat' | portmanteau run granite-tiny --stats
  portmanteau run granite-tiny 'A cat:' --regex '[A-Z][a-z]{2,9}, \\\\d+ years'
  portmanteau run granite-tiny 'A long introduction.' -n 0 --save-state intro.safetensors
  portmanteau run granite-tiny 'A long introduction. And more' --load-state intro.safetensors
  portmanteau run granite-tiny ' And more' --continue --load-state intro.safetensors --save-state intro.safetensors

${SAMPLING_ABOUT}

A state serves only the checkpoint and the weight format that it was saved with. Where the prompt is not as the text that the state has read,
the state is rewound to that place. That of a Mamba can only be rewound to its beginning: it saves time only where the prompt begins with all
that it has read. With --continue the prompt is appended to what the state has read.

A prompt that begins with the model's begin-of-text, as a chat template writes it, gets no second one. The names of special tokens in a prompt are
those tokens; in a text that users wrote, --split-special-tokens makes them plain text. --stop may be the name of a special token.

A conversation (--messages) ends where the answer begins. If its last message is one of the assistant, the text goes on with it.

A prompt that begins with a dash stands behind two dashes, which end the options:
  portmanteau run granite-tiny -- '-1 is'`),
    )
    .action(run);
}

async function run(reference: string, promptText: string | undefined, flags: RunFlags): Promise<void> {
  if (flags.alternatives && !flags.json) throw new UsageError('--alternatives are shown with --json only.');
  await checkStateFile(flags.saveState);
  const states = await describeStates(flags);
  const conversation = flags.messages === undefined ? undefined : conversationOf(flags.messages);
  const given = conversation ? noOther(promptText, flags) : await promptFrom(promptText, flags.ids);
  const interventions = await interventionsOf(flags);
  const begin = performance.now();
  let promptIds: readonly number[] = [];
  let mask: TokenMask | undefined;
  const check = async (opened: OpenedModel) => {
    const { goesOnFrom } = states;
    const prompt = conversation ? await idsOfMessages(opened, conversation, flags) : given;
    promptIds = goesOnFrom ? appended(opened, goesOnFrom, prompt, flags) : encodePrompt(opened, prompt, flags);
    checkBeforeLoad(opened, promptIds);
    mask = formOf(opened.tokenizer, flags);
    checkFits(opened, interventions);
    if (goesOnFrom) {
      const adapter = await tracesOfAdapter(opened, flags);
      checkStateContinues(opened, goesOnFrom, interventions, promptIds.length, adapter);
    } else await checkAdapter(opened, flags);
    checkNotOfModel(flags.saveState, opened);
    checkKeeps(opened, promptIds, states.replaced, flags);
    if (flags.loadState !== undefined) await checkSavedState(opened, flags.loadState);
  };
  const generationConfig = flags.generationConfig ?? {};
  await withModel(reference, { ...flags, generationConfig }, check, async (model) => {
    const loadMs = performance.now() - begin;
    const adapter = await adapterOf(model, flags);
    const state = await stateFor(model, promptIds, flags, { interventions, adapter });
    const cachedTokens = state?.length ?? 0;
    const options = { ...generationOptions(flags), ...(state ? { state } : {}), interventions, adapter, mask };
    const clock = stopwatch();
    const steps: GenerationStep[] = [];
    const print = flags.json ? () => {} : printer(model);
    try {
      for await (const step of model.generate(promptIds.slice(cachedTokens), options)) {
        if (step.id !== undefined) clock.token();
        steps.push(step);
        print(step);
        await breathe();
      }
    } finally {
      // Also after an interruption, so that the shell's prompt begins in a new line.
      if (!flags.json && steps.length > 0) process.stdout.write('\n');
    }
    if (state && flags.saveState !== undefined)
      await saveState(model, state, flags.saveState, { signal: interrupt.signal });
    noteUnusedSeed(steps, flags);
    noteCutOff(steps, mask);
    const stats = clock.stats(loadMs, promptIds.length, cachedTokens);
    if (flags.json) printJson({ promptIds, ...summary(steps, model, flags), ...(flags.stats ? { stats } : {}) });
    else if (flags.stats) process.stderr.write(statsSheet(stats, seedSentence(steps, flags)));
    printProfile(model);
  });
}

/** Throws UsageError when a state cannot be written to this file. */
async function checkStateFile(file: string | undefined): Promise<void> {
  if (file !== undefined && isStandardOutput(file))
    throw new UsageError('--save-state cannot be the standard output: the text goes there. Give a file or a pipe.');
  await checkOutput(file);
}

/** Nothing, since there are messages. Throws UsageError when something else was given too. */
function noOther(text: string | undefined, { ids, continue: goesOn }: RunFlags): Prompt {
  if (text !== undefined || ids) throw new UsageError('give a prompt, --ids or --messages, only one of them.');
  if (goesOn)
    throw new UsageError(
      '--messages are a conversation from its beginning: without --continue, only what the state has not read is read.',
    );
  return [];
}

async function promptFrom(text: string | undefined, ids: number[] | undefined): Promise<Prompt> {
  if (ids && text !== undefined) throw new UsageError('give a prompt or --ids, not both.');
  if (ids) return ids;
  if (text !== undefined && text !== '-') return text;
  return standardInput('no prompt: give one after the model, with --ids, or through standard input.');
}

/** Text on the seed that was chosen at random; undefined when nothing was sampled or a seed was given. */
function seedSentence(steps: readonly GenerationStep[], flags: RunFlags): string | undefined {
  const seed = steps.at(-1)?.seed;
  if (seed === undefined || flags.seed !== undefined) return undefined;
  return `${seed}, chosen at random; the same text comes with --seed ${seed}`;
}

function noteUnusedSeed(steps: readonly GenerationStep[], { seed }: RunFlags): void {
  if (seed === undefined || steps.every(({ id }) => id === undefined) || steps.at(-1)?.seed !== undefined) return;
  process.stderr.write(
    'note: --seed had no effect, because the most likely token was taken each time; a --temperature above 0 turns on sampling\n',
  );
}

/** Prints steps as they come: text, or ids in the form of --ids. */
function printer(model: Model): (step: GenerationStep) => void {
  let separator = '';
  return ({ id, text }) => {
    if (model.tokenizer) process.stdout.write(text);
    else if (id !== undefined) process.stdout.write(`${separator}${id}`);
    separator = ',';
  };
}

function summary(steps: readonly GenerationStep[], model: Model, { alternatives = 0 }: RunFlags) {
  const tokens = steps.filter(({ id }) => id !== undefined);
  return {
    ids: tokens.map(({ id }) => id),
    ...(model.tokenizer ? { text: steps.map(({ text }) => text).join('') } : {}),
    logprobs: tokens.map(({ logprob }) => logprob),
    ...(alternatives > 0 ? { alternatives: tokens.map((token) => token.alternatives) } : {}),
    finishReason: steps.at(-1)?.finishReason,
    seed: steps.at(-1)?.seed,
  };
}
