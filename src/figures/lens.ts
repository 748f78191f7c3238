/** The logit lens as figures. */
import type { LensReading, LogitLens } from '../analysis/logit-lens.ts';
import { exp } from '../base/math.ts';
import type { Axis, Figure, Heatmap, Report, Table } from './figure.ts';
import { labelOf, percent, tokenTicks } from './numbers.ts';

/** Places whose readings are written as a table; the figures have all. */
const TABLES = 8;

/** `facts`: from what it was made, such as the model and the text. */
export function lensReport(lens: LogitLens, facts: Report['facts']): Report {
  const { positions, word } = lens;
  const all = positions.length === lens.tokens.length;
  const written = all ? positions.slice(-1) : positions.slice(0, TABLES);
  const tables = written.map((position) => tableAt(lens, positions.indexOf(position)));
  const more = positions.length > written.length;
  return {
    title: word ? `Logit lens: ${labelOf(word)}` : 'Logit lens',
    facts: [...facts, ...(word ? ([['word', `${labelOf(word)} (${word.id})`]] as const) : [])],
    figures: [...maps(lens), ...tables],
    notes: [
      'KL is that of the final distribution from that of the site, KL(final || site), in nats.',
      ...(more && all ? ['The table is of the last token.'] : []),
      ...(more && !all
        ? [`The first ${TABLES} of ${positions.length} positions have tables; the figures have all.`]
        : []),
    ],
  };
}

function tableAt(lens: LogitLens, at: number): Table {
  const { word, sites } = lens;
  const position = lens.positions[at] as number;
  const token = lens.tokens[position];
  const top = lens.readings.reduce((most, row) => Math.max(most, row[at]?.top.length ?? 0), 0);
  return {
    kind: 'table',
    title: `After token ${position}${token ? `, ${labelOf(token)}` : ''}`,
    columns: [
      'site',
      'KL',
      ...(word ? ['rank', labelOf(word)] : []),
      ...Array.from({ length: top }, (_, i) => `${i + 1}.`),
    ],
    rows: sites.map((site, i) => {
      const reading = lens.readings[i]?.[at] as LensReading;
      const asked = reading.word ? [reading.word.rank, percent(reading.word.logprob)] : [];
      const words = reading.top.map((one) => `${labelOf(one)} ${percent(one.logprob)}`);
      return [site, reading.klFromFinal.toFixed(3), ...asked, ...words];
    }),
  };
}

function maps(lens: LogitLens): Figure[] {
  const x: Axis = {
    label: 'token',
    ticks: tokenTicks(lens.positions.map((at) => lens.tokens[at] as { id: number; text: string })),
  };
  // As in a picture of the model, what comes last stands above.
  const y: Axis = { label: 'site', ticks: lens.sites.toReversed() };
  const grid = <T>(of: (reading: LensReading) => T): T[][] => lens.readings.toReversed().map((row) => row.map(of));
  const hover = grid((reading) => reading.top.map((one) => `${labelOf(one)} ${percent(one.logprob)}`).join('\n'));
  const map = (title: string, about: string, measure: string, of: (reading: LensReading) => number): Heatmap => ({
    ...{ kind: 'heatmap', title, about, measure, x, y, hover, values: grid(of) },
  });
  const { word } = lens;
  const named = word ? labelOf(word) : '';
  const likeliest: Heatmap = {
    ...map(
      'The likeliest word',
      'Each column is a token of the text: what would come after it.',
      'probability',
      (reading) => exp(reading.top[0]?.logprob ?? Number.NEGATIVE_INFINITY),
    ),
    texts: grid((reading) => (reading.top[0] ? labelOf(reading.top[0]) : '')),
    range: [0, 1],
  };
  return [
    ...(lens.readings[0]?.[0]?.top.length ? [likeliest] : []),
    ...(word
      ? [
          {
            ...map(
              `Log-probability and rank of ${named}`,
              'The number in a cell is the rank: 1 is the likeliest word.',
              'log-probability (nats)',
              (reading) => reading.word?.logprob ?? 0,
            ),
            texts: grid((reading) => `${reading.word?.rank ?? ''}`),
          },
        ]
      : []),
    map(
      'How far from the final prediction',
      'KL(final || site): 0 where the layer predicts what the model does.',
      'KL (nats)',
      (reading) => reading.klFromFinal,
    ),
  ];
}
