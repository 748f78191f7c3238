/** Pictures of how much of a logit comes from each earlier token. */
import type { LogitSources } from '../../analysis/ssm/sources.ts';
import { type Facts, layerAxis } from '../experts/load.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf, signed } from '../numbers.ts';
import { tokenAxis } from './values.ts';

export function logitSourcesReport(found: LogitSources, facts: Facts): Report {
  const { tokens, layers, sources, embed, word, against, logit, position } = found;
  const name = against ? `${labelOf(word)} less ${labelOf(against)}` : labelOf(word);
  const skip = layers.reduce((sum, one) => sum + one.skip, 0);
  const rest = found.rest + layers.reduce((sum, one) => sum + one.rest, 0);
  const measure = against ? 'difference of logits' : 'logit';
  const figures: Figure[] = [
    {
      kind: 'table',
      title: `Where the logit of ${name} comes from`,
      about: `After token ${position}. What each token adds through the scans of all layers; past them, what the last token adds by its embedding and by the skips; the rest are biases and rounding. All sum to the logit.`,
      columns: ['', 'token', measure],
      rows: [
        ...tokens.map((token, s) => [s, labelOf(token), signed(sources[s] as number)]),
        ['', 'embedding', signed(embed)],
        ['', 'skips', signed(skip)],
        ['', 'rest', signed(rest)],
        ['', 'sum', signed(logit)],
      ],
    },
    {
      kind: 'bars',
      title: `Logit of ${name}, by token`,
      places: tokenAxis(tokens),
      measure,
      series: [{ name: 'all layers', values: sources }],
    },
    {
      kind: 'heatmap',
      title: `Logit of ${name}, by layer and token`,
      x: layerAxis(layers.map(({ layer }) => layer)),
      y: tokenAxis(tokens),
      measure,
      values: tokens.map((_, s) => layers.map((one) => one.sources[s] as number)),
      colours: 'diverging',
    },
  ];
  return { title: `Where the logit of ${name} comes from`, facts, figures };
}
