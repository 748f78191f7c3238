/** Steering vectors and trials of them as figures. */
import type { MeanVectors } from '../analysis/steering/means.ts';
import type { SteeringTrial } from '../analysis/steering/try.ts';
import type { SteeringVectors } from '../analysis/steering/vectors.ts';
import { exp } from '../base/math.ts';
import type { Figure, Report, Table } from './figure.ts';
import { labelOf, percent } from './numbers.ts';

const places = (positions: SteeringVectors['positions']): string =>
  typeof positions === 'string' ? positions : JSON.stringify(positions);

/** What was made: steering vectors, means of a corpus, or both. */
export function vectorsReport(
  { steering, means }: { readonly steering?: SteeringVectors | undefined; readonly means?: MeanVectors | undefined },
  facts: Report['facts'],
): Report {
  const parts = [...(steering ? [steeringPart(steering)] : []), ...(means ? [meansPart(means)] : [])];
  return {
    title: steering ? 'Steering vectors' : 'Means of a corpus',
    facts: [...facts, ...parts.flatMap((part) => part.facts)],
    figures: parts.flatMap(({ figures }) => figures),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

type Part = Required<Omit<Report, 'title'>> & { readonly notes: readonly string[] };

function steeringPart({ method, positions, positive, negative, sites }: SteeringVectors): Part {
  const isPca = method === 'pca';
  const table: Table = {
    kind: 'table',
    title: 'Steering vectors',
    columns: ['site', 'length', 'length of values', 'separates', ...(isPca ? ['explains'] : [])],
    rows: sites.map(({ site, length, valueLength, separates, explained = 0 }) => [
      ...[site, length.toFixed(3), valueLength.toFixed(3), share(separates)],
      ...(isPca ? [share(explained)] : []),
    ]),
  };
  const bars: Figure = {
    kind: 'bars',
    title: 'Length of each vector, against the values that it is added to',
    about: 'What strength 1 adds. A strength whose vector is as long as the values themselves overdrives the model.',
    places: { label: 'site', ticks: sites.map(({ site }) => site) },
    measure: 'length of the vector / mean length of the values',
    series: [{ name: '', values: sites.map(({ length, valueLength }) => length / valueLength) }],
  };
  return {
    facts: [
      ['method', method],
      ['positions', places(positions)],
      ['texts', `${positive.texts} positive, ${negative.texts} negative`],
    ],
    figures: [bars, table],
    notes: ['separates: the share of these texts that lie on their own side of the middle, along the vector.'],
  };
}

function meansPart({ corpus, positions, tokens, sites }: MeanVectors): Part {
  return {
    facts: [['corpus', `${corpus.texts} texts, ${tokens} tokens, positions ${places(positions)}`]],
    figures: [{ kind: 'table', title: 'Means', columns: ['vector'], rows: sites.map((site) => [`mean.${site}`]) }],
    notes: [`means over ${tokens} tokens of ${corpus.texts} texts`],
  };
}

const share = (part: number): string => `${(100 * part).toFixed(1)}%`;

export function trialReport({ sites, words, tries }: SteeringTrial, facts: Report['facts']): Report {
  const strengths = tries.map(({ strength }) => `${strength}`);
  const at = tries.map(({ strength }) => strength);
  const hasPerplexity = tries.some(({ perplexity }) => perplexity !== undefined);
  const rising = at.every((strength, i) => i === 0 || strength > (at[i - 1] as number)) ? { at } : {};
  const table: Table = {
    kind: 'table',
    title: 'The prompt at each strength',
    columns: ['strength', ...words.map(labelOf), ...(hasPerplexity ? ['perplexity'] : []), 'text'],
    rows: tries.map(({ strength, logprobs, perplexity, text }) => [
      ...[strength, ...logprobs.map(percent)],
      ...(hasPerplexity ? [perplexity === undefined ? null : perplexity.toPrecision(4)] : []),
      text.replaceAll('\n', '⏎'),
    ]),
  };
  const lines: Figure[] = [
    {
      kind: 'lines',
      title: 'Probability of words after the prompt',
      places: { label: 'strength', ticks: strengths },
      measure: 'probability (%)',
      series: words.map((word, w) => ({
        name: labelOf(word),
        values: tries.map(({ logprobs }) => 100 * exp(logprobs[w] as number)),
      })),
      ...rising,
    },
  ];
  if (hasPerplexity)
    lines.push({
      kind: 'lines',
      title: 'Perplexity of the neutral text',
      about: 'Where it rises steeply, the vectors are too strong: the model loses its language.',
      places: { label: 'strength', ticks: strengths },
      measure: 'perplexity',
      series: [{ name: '', values: tries.map(({ perplexity = null }) => perplexity) }],
      logarithmic: true,
      ...rising,
    });
  return { title: 'Steering', facts: [...facts, ['sites', sites.join(', ')]], figures: [...lines, table] };
}
