/** `senses topic MODEL [PROMPT]`: text on a topic, by weighing senses anew in every step. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  checkBeforeLoad,
  type GenerationStep,
  generateOnTopic,
  type Model,
  type OpenedModel,
  senseTables,
  TOPIC_OPTIONS,
  type TopicControl,
  type TopicOptions,
  type TopicStrength,
  topicTargets,
  UsageError,
  type WordOption,
} from '../../src/node.ts';
import { type GenerationFlags, generationFlags, generationOptions } from '../generation.ts';
import { breathe, interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { modelOptions } from '../model-options.ts';
import { fromZero, jsonOption, wholeNumber } from '../options.ts';
import { printJson } from '../output.ts';
import { workBar } from '../work.ts';
import { type SenseFlags, tokensOf, withSenses, wordList } from './common.ts';

interface TopicFlags extends SenseFlags, GenerationFlags, Pick<TopicOptions, 'strength' | 'sample'> {
  readonly words: WordOption[];
}

export function addTopic(senses: Command): void {
  const command = generationFlags(modelOptions(senses.command('topic')))
    .description('continue a text, or write one, on a topic; prints what follows, without the text itself')
    .argument('[prompt]', 'the text to continue (default: none but an end of text, after which a new one begins)')
    .requiredOption('--words <list>', 'words of the topic, separated by commas', wordList);
  libraryOptions(command, TOPIC_OPTIONS, {
    strength: ['--strength <s>', strengthArgument, 'default 2'],
    sample: ['--sample <n>', wholeNumber],
  });
  jsonOption(command, 'targets, bounds, strength; promptIds, ids, text, finishReason').action(topic);
}

function strengthArgument(text: string): number | TopicStrength {
  const weights = text.split(',').map(fromZero);
  if (weights.length === 4) return weights as unknown as TopicStrength;
  const [strength = -1] = weights;
  if (weights.length === 1 && [0, 1, 2, 3].includes(strength)) return strength;
  throw new InvalidArgumentError('Wanted 0, 1, 2 or 3, or four weights, as in 2.2,2.2,1.5,1.');
}

async function topic(reference: string, prompt: string | undefined, flags: TopicFlags): Promise<void> {
  const { words } = flags;
  let start: string | readonly number[] = prompt ?? [];
  const check = (opened: OpenedModel) => {
    topicTargets(tokensOf(opened), words);
    start = prompt ?? [endOf(opened)];
    checkBeforeLoad(opened, start);
  };
  await withSenses(
    reference,
    { ...flags, generationConfig: flags.generationConfig ?? {} },
    { words, check },
    async (model) => {
      const control = await controlOf(model, flags);
      const steps: GenerationStep[] = [];
      for await (const step of generateOnTopic(model, control, start, generationOptions(flags))) {
        steps.push(step);
        if (!flags.json) process.stdout.write(step.text);
        await breathe();
      }
      if (!flags.json) return void process.stdout.write('\n');
      const { targets, bounds, strength } = control;
      printJson({
        ...{ targets, bounds, strength, promptIds: model.encode(start) },
        ids: steps.flatMap(({ id }) => (id === undefined ? [] : [id])),
        text: steps.map(({ text }) => text).join(''),
        finishReason: steps.at(-1)?.finishReason,
      });
    },
  );
}

/** After which a new text begins. */
function endOf({ tokenizer, endIds }: OpenedModel): number {
  const id = tokenizer?.eosId ?? [...endIds][0];
  if (id === undefined) throw new UsageError('this model has no end of text to begin after; give a prompt.');
  return id;
}

async function controlOf(model: Model, { words, strength, sample }: TopicFlags): Promise<TopicControl> {
  const cache = await senseTables(model);
  const bars = {
    maxima: () =>
      workBar('largest logit of every sense (once for a model)', 'Ctrl-C keeps what is done; --sample is quicker'),
    scores: () => workBar('scores of every sense for the topic'),
  };
  let bar: ReturnType<typeof workBar> | undefined;
  try {
    return await model.senses.topic(words, {
      ...{ strength, sample, cache, signal: interrupt.signal },
      onStage: (stage) => {
        bar?.end();
        bar = bars[stage]();
      },
      onProgress: (progress) => bar?.update(progress),
    });
  } finally {
    bar?.end();
  }
}
