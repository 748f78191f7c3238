/** `senses similarity | nearest | pairs MODEL ...`: how alike words are by their senses. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  NEAREST_OPTIONS,
  type NearestOptions,
  nearestReport,
  PAIR_OPTIONS,
  type PairOptions,
  pairsReport,
  readWordPairs,
  SIMILARITIES,
  type SimilarityBy,
  similarityReport,
  UsageError,
  type WordOption,
} from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { inputFile, textOf } from '../options.ts';
import { tellReport } from '../report.ts';
import { wordArgument } from '../words.ts';
import { workBar } from '../work.ts';
import { factsOf, type SenseFlags, senseCommand, withSenses, wordArguments } from './common.ts';

interface NearestFlags extends SenseFlags, Pick<NearestOptions, 'by' | 'top' | 'pieces'> {}

interface PairFlags extends SenseFlags, Pick<PairOptions, 'pieces'> {}

export function addSimilarity(senses: Command): void {
  const similarity = senseCommand(senses, 'similarity', 'words; senses, min, max, minAny, maxAny, flat')
    .description('how alike two words are: by each sense, and by all')
    .argument('<word>', 'a word', wordArgument)
    .argument('<other>', 'another', wordArgument);
  libraryOptions(similarity, PAIR_OPTIONS, { pieces: '--pieces <which>' }).action(compare);
  const nearest = senseCommand(senses, 'nearest', 'by, and words, each with word, ids, nearest (id, text, similarity)')
    .description('the words of the vocabulary that are most alike to a word')
    .argument('<words...>', 'words', wordArguments);
  libraryOptions(nearest, NEAREST_OPTIONS, {
    by: ['--by <function>', byArgument, 'default min'],
    top: '--top <n>',
    pieces: '--pieces <which>',
  }).action(findNearest);
  const pairs = senseCommand(senses, 'pairs', 'pairs, severalTokens; senses, min, max, minAny, maxAny, flat')
    .description(
      "Spearman's correlation with people's judgements, of a file like SimLex-999.txt, SimVerb-3500.txt, RG65.csv or WS353.csv",
    )
    .argument('<file>', 'two words and a score on each line', inputFile);
  libraryOptions(pairs, PAIR_OPTIONS, { pieces: '--pieces <which>' }).action(scoreFile);
}

const byArgument = (text: string): SimilarityBy => {
  const by = /^\d+$/.test(text) ? Number(text) : SIMILARITIES.find((name) => name === text);
  if (by !== undefined) return by;
  throw new UsageError(`--by is '${text}', wanted the number of a sense, or one of ${SIMILARITIES.join(', ')}.`);
};

async function compare(reference: string, word: WordOption, other: WordOption, flags: PairFlags): Promise<void> {
  const { pieces } = flags;
  await withSenses(reference, flags, { words: [word, other] }, async (model) => {
    const found = await model.senses.similarity(word, other, { pieces });
    const report = similarityReport(found, [`'${word}'`, `'${other}'`], factsOf(reference));
    await tellReport(flags, { words: [word, other], ...found }, report);
  });
}

async function findNearest(reference: string, words: readonly WordOption[], flags: NearestFlags): Promise<void> {
  const { by = 'min', top, pieces } = flags;
  await withSenses(reference, flags, { words }, async (model) => {
    const work = workBar('comparing with all words');
    const found = await model.senses
      .nearest(words, { by, top, pieces, signal: interrupt.signal, onProgress: work.update })
      .finally(work.end);
    await tellReport(flags, { by, words: found }, nearestReport(found, nameOf(by), factsOf(reference)));
  });
}

const nameOf = (by: SimilarityBy): string => (typeof by === 'number' ? `sense ${by}` : by);

async function scoreFile(reference: string, file: string, flags: PairFlags): Promise<void> {
  const pairs = readWordPairs(textOf(readFileSync(file), file), file);
  await withSenses(reference, flags, {}, async (model) => {
    const work = workBar('comparing pairs');
    const found = await model.senses
      .scorePairs(pairs, { pieces: flags.pieces, signal: interrupt.signal, onProgress: work.update })
      .finally(work.end);
    await tellReport(flags, found, pairsReport(found, factsOf(reference, [['pairs', file]])));
  });
}
