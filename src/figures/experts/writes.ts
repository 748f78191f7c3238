/** Pictures of what experts write. */
import type { ExpertWrites, WrittenWord } from '../../analysis/experts/writes.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf } from '../numbers.ts';
import { rounded } from '../rounded.ts';
import { expertAxis, type Facts, layerAxis } from './load.ts';

export function writesReport({ writes, position, tokens }: ExpertWrites, facts: Facts): Report {
  const where = position === undefined ? 'mean over the tokens that went to it' : `at token ${position}`;
  const layers = [...new Set(writes.map(({ layer }) => layer))];
  const experts = writes.reduce((most, { expert }) => Math.max(most, expert + 1), 0);
  const spreadOf = (layer: number, expert: number) =>
    writes.find((one) => one.layer === layer && one.expert === expert)?.spread ?? null;
  const figures: Figure[] = [
    {
      kind: 'table',
      title: `What experts write, ${where}`,
      about:
        'Words whose logits the output of an expert raises and lowers most, with its gate, through the final norm. Logits less their mean over all words. Spread: their standard deviation over words.',
      columns: ['layer', 'expert', 'tokens', 'gate', 'spread', 'raises', 'lowers'],
      rows: writes.map((one) => [
        one.layer,
        one.expert,
        one.tokens,
        rounded(one.gate, 3),
        rounded(one.spread, 3),
        words(one.raised),
        words(one.lowered),
      ]),
    },
    {
      kind: 'heatmap',
      title: 'How much each expert has to say',
      about: 'Standard deviation over words of what it adds to their logits.',
      x: expertAxis(experts),
      y: layerAxis(layers),
      measure: 'spread of logits',
      values: layers.map((layer) => Array.from({ length: experts }, (_, expert) => spreadOf(layer, expert))),
      hover: layers.map((layer) =>
        Array.from({ length: experts }, (_, expert) => {
          const one = writes.find((write) => write.layer === layer && write.expert === expert);
          return one ? `raises ${words(one.raised)}; lowers ${words(one.lowered)}` : 'not used';
        }),
      ),
    },
  ];
  return { title: 'What experts write', facts: [...facts, ['tokens', String(tokens)]], figures };
}

const words = (some: readonly WrittenWord[]): string =>
  some.map((word) => `${labelOf(word)} ${word.logit.toFixed(2)}`).join('  ');
