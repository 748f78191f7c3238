/** `score MODEL`: the probability of every token of a text. */
import type { Command } from 'commander';
import { saveTensors } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import {
  type ModelFlags,
  modelOptions,
  printJson,
  promptOf,
  type TextFlags,
  textOptions,
  wholeNumber,
  withModel,
} from '../options.ts';

interface ScoreFlags extends ModelFlags, TextFlags {
  readonly top?: number;
  readonly logits?: string;
  readonly json?: boolean;
}

export function addScore(program: Command): void {
  modelOptions(textOptions(program.command('score')))
    .description('log-probability of every token of a text, their sum, and the perplexity')
    .argument('<model>', 'folder, shipped model, or hub id')
    .option('--top <k>', 'also the k likeliest tokens at each place', wholeNumber, 0)
    .option('--logits <file>', 'write the raw logits [T, V] as safetensors')
    .option('--json', 'one JSON object')
    .action(score);
}

async function score(reference: string, flags: ScoreFlags): Promise<void> {
  const prompt = promptOf(flags);
  await withModel(reference, flags, async (model) => {
    const ids = model.encode(prompt);
    const { vocabSize } = model.opened.model.facts;
    const logits = flags.logits === undefined ? undefined : new Float32Array(ids.length * vocabSize);
    const result = await model.score(ids, {
      alternatives: flags.top ?? 0,
      signal: interrupt.signal,
      onLogits: (first, some) => logits?.set(some, first * vocabSize),
    });
    if (logits && flags.logits !== undefined) {
      await saveTensors(
        flags.logits,
        new Map([['logits', { shape: [ids.length, vocabSize], dtype: 'f32', data: logits }]]),
      );
    }
    if (flags.json) return printJson(result);
    for (const { id, text, logprob, alternatives } of result.tokens) {
      const best = alternatives?.map(
        (a) => `${a.id} ${JSON.stringify(model.tokenizer?.piece(a.id) ?? '')} ${a.logprob.toFixed(3)}`,
      );
      const line = [id, JSON.stringify(text), logprob === null ? '-' : logprob.toFixed(6), ...(best ?? [])];
      process.stdout.write(`${line.join('\t')}\n`);
    }
    process.stdout.write(`sum ${result.sumLogprob.toFixed(6)}\nperplexity ${result.perplexity.toFixed(6)}\n`);
  });
}
