/** Reports of what a sense adds to the difference of two words after sentences about occupations. */
import type { Bias } from '../analysis/senses/bias.ts';
import type { Report } from './figure.ts';
import { bars, fixed } from './senses.ts';

export function biasReport(found: Bias, pair: readonly [string, string], facts: Report['facts']): Report {
  const { sense, words, dropped, original, removed, fitted, withoutEach } = found;
  const less = (after: number): string => `${((100 * (original - after)) / (original - 1)).toFixed(0)}%`;
  return {
    title: `Ratio of '${pair.join("' and '")}'`,
    facts,
    figures: [
      {
        kind: 'table',
        title: 'Mean ratio of the likelier to the less likely word; 1 is no bias',
        columns: ['model', 'ratio', 'less bias'],
        rows: [
          ['as it is', fixed(original), ''],
          [`without sense ${sense}`, fixed(removed), less(removed)],
          [`sense ${sense} by fitted factors`, fixed(fitted), less(fitted)],
        ],
      },
      {
        kind: 'table',
        title: 'By word',
        columns: [
          ...['word', `ln ${pair.join(' / ')}`, `of that sense ${sense}`],
          ...['ratio', `without sense ${sense}`, 'fitted', 'factor'],
        ],
        rows: words.map((one) => [
          one.word,
          fixed(one.difference),
          fixed(one.added),
          fixed(one.original),
          fixed(one.removed),
          fixed(one.fitted),
          fixed(one.factor),
        ]),
      },
      {
        kind: 'table',
        title: 'Mean ratio without each sense in turn',
        columns: ['sense', 'ratio'],
        rows: withoutEach.map((ratio, l) => [l, fixed(ratio)]),
      },
      bars(
        'Mean ratio without each sense in turn',
        'ratio',
        'sense',
        withoutEach.map((_, l) => `${l}`),
        withoutEach,
      ),
    ],
    notes: dropped.length > 0 ? [`Left out, since they are not one token: ${dropped.join(', ')}.`] : [],
  };
}
