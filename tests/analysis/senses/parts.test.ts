/** Small parts of the tools for senses that need no model. */
import { describe, expect, it, test } from 'vitest';
import { usableData } from '../../../src/analysis/senses/bias.ts';
import { nelderMead } from '../../../src/analysis/senses/nelder-mead.ts';
import { OCCUPATIONS } from '../../../src/analysis/senses/occupations.ts';
import { ranksOf, spearman } from '../../../src/analysis/senses/rank-correlation.ts';
import { encodeWord } from '../../../src/analysis/senses/word.ts';
import { readWordPairs } from '../../../src/analysis/senses/word-pairs.ts';
import { fromPretrained } from '../../../src/node.ts';
import { goldens } from './golden.ts';

const FUNCTIONS: Readonly<Record<string, (x: readonly number[]) => number>> = {
  rosenbrock: ([x = 0, y = 0]) => 100 * (y - x * x) ** 2 + (1 - x) ** 2,
  fold: ([x = 0]) => Math.abs(x - 0.3) + 0.5 * Math.abs(1 - x),
  exp: ([x = 0]) => Math.exp(Math.abs(0.8 + 1.5 * (x - 1))) + Math.abs(1 - x),
  bowl: ([x = 0, y = 0, z = 0]) => (x - 3) ** 2 + 10 * (y + 1) ** 2 + z ** 2,
};

test.each(goldens.simplexes)(
  'Nelder-Mead ends where SciPy ends, after as many steps: $name',
  ({ name, start, ...end }) => {
    const found = nelderMead(FUNCTIONS[name]!, start);
    expect(found).toMatchObject({ iterations: end.iterations, evaluations: end.evaluations, converged: end.converged });
    for (const [i, x] of end.x.entries()) expect(found.x[i]).toBeCloseTo(x, 12);
  },
);

test.each(goldens.ranks)('ranks and their correlation are those of SciPy: $a', ({ a, b, ranks, rho }) => {
  expect(ranksOf(a)).toEqual(ranks);
  if (rho === null) expect(spearman(a, b)).toBeNaN();
  else expect(spearman(a, b)).toBeCloseTo(rho, 12);
});

describe('word pairs', () => {
  it('are read from the four published formats', () => {
    const simlex =
      'word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.58\t2.72\nsmart\tintelligent\tA\t9.2\t1.75\n';
    expect(readWordPairs(simlex)).toEqual([
      { words: ['old', 'new'], score: 1.58 },
      { words: ['smart', 'intelligent'], score: 9.2 },
    ]);
    const simverb = 'take\tremove\tV\t6.81\tSYNONYMS\nwalk\ttrail\tV\t4.81\tCOHYPONYMS\n';
    expect(readWordPairs(simverb).map(({ score }) => score)).toEqual([6.81, 4.81]);
    expect(readWordPairs('gem;jewel;3.94\r\nmidday;noon;3.94\r\n')).toEqual([
      { words: ['gem', 'jewel'], score: 3.94 },
      { words: ['midday', 'noon'], score: 3.94 },
    ]);
    const ws353 = 'Word 1,Word 2,Human (mean)\nlove,sex,6.77\ntiger,cat,7.35\n';
    expect(readWordPairs(ws353).map(({ words }) => words[0])).toEqual(['love', 'tiger']);
  });

  it('that are none of these are told with their line', () => {
    expect(() => readWordPairs('')).toThrow('no word pairs');
    expect(() => readWordPairs('a;b;c\nd;e;f\n')).toThrow('no score');
    expect(() => readWordPairs('a;b;1\nd;x;nothing\ne;f;2\n', 'my.csv')).toThrow("line 2 of my.csv is 'd;x;nothing'");
    expect(() => readWordPairs('a;b;1\n;f;2\n')).toThrow('line 2');
  });
});

describe('words', () => {
  it('stand within a sentence unless told otherwise', async () => {
    const model = await fromPretrained('backpack-tiny', { threads: 1 });
    const { tokenizer } = model;
    expect(encodeWord(model, 'king')).toEqual({ word: 'king', ids: tokenizer!.encode(' king'), pieces: [' king'] });
    expect(encodeWord(model, ' king').ids).toEqual(encodeWord(model, 'king').ids);
    expect(encodeWord(model, 'king', { asIs: true }).ids).toEqual(tokenizer!.encode('king'));
    expect(encodeWord(model, 'princess').pieces).toEqual([' prin', 'cess']);
    expect(() => encodeWord(model, ' ')).toThrow('empty');
    await model.dispose();
  });

  it('for bias are those of one token; the others are listed', async () => {
    const model = await fromPretrained('backpack-tiny', { threads: 1 });
    const data = { ...OCCUPATIONS, words: ['king', 'princess', 'boy'] };
    expect(usableData(model, data)).toMatchObject({ words: ['king', 'boy'], dropped: ['princess'] });
    expect(() => usableData(model, { ...data, prompts: ['My friend said'] })).toThrow('{word}');
    expect(() => usableData(model, { ...data, words: ['princess'] })).toThrow('one token');
    expect(() => usableData(model, { ...data, pair: ['he', 'he'] })).toThrow('same token');
    expect(OCCUPATIONS.words).toHaveLength(40);
    expect([OCCUPATIONS.prompts.length, OCCUPATIONS.fitPrompts.length]).toEqual([13, 5]);
    await model.dispose();
  });
});
