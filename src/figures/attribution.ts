/** Direct logit attribution as figures. */
import type { LogitAttribution, LogitPart } from '../analysis/attribution.ts';
import type { Figure, Report, Table } from './figure.ts';
import { labelOf, signed } from './numbers.ts';

/** `facts`: from what it was made, such as the model and the text. */
export function attributionReport(result: LogitAttribution, facts: Report['facts']): Report {
  const { word, against, position, tokens, logit, parts, bias, rest } = result;
  const what = against ? `logit of ${labelOf(word)} less that of ${labelOf(against)}` : `logit of ${labelOf(word)}`;
  const after = tokens[position];
  const ends = [
    ...(bias === 0 ? [] : [{ site: 'bias of the final norm', logit: bias }]),
    { site: 'rest', logit: rest },
  ];
  const rows: LogitPart[] = [...parts, ...ends];
  const table: Table = {
    kind: 'table',
    title: `The ${what} after token ${position}${after ? `, ${labelOf(after)}` : ''}`,
    columns: ['part', 'logit'],
    rows: [...rows.map((part) => [part.site, signed(part.logit)]), ['sum', signed(logit)]],
  };
  return {
    title: `Attribution: ${what}`,
    facts: [...facts, ['after', `token ${position}${after ? `, ${labelOf(after)}` : ''}`], ['logit', signed(logit)]],
    figures: [
      {
        kind: 'bars',
        title: 'What each part adds',
        about: 'Through the final norm as it is at this place. All parts sum to the logit.',
        places: { label: 'part', ticks: rows.map(({ site }) => site) },
        measure: against ? 'difference of logits' : 'logit',
        series: [{ name: '', values: rows.map((part) => part.logit) }],
      },
      ...headFigures(parts, against !== undefined),
      table,
    ],
  };
}

/** What counts for most; the page has all heads. */
const STRONGEST = 12;

function headFigures(parts: readonly LogitPart[], isDifference: boolean): Figure[] {
  const split = parts.flatMap(({ site, heads, headsRest = 0 }) => (heads ? [{ site, heads, headsRest }] : []));
  if (split.length === 0) return [];
  const count = split.reduce((most, { heads }) => Math.max(most, heads.length), 0);
  const all = split.flatMap(({ site, heads }) => heads.map((logit, head) => ({ site, head, logit })));
  const strongest = all.sort((a, b) => Math.abs(b.logit) - Math.abs(a.logit)).slice(0, STRONGEST);
  return [
    {
      kind: 'heatmap',
      title: 'What each head adds',
      about:
        'The last column is what is left of the attention: the bias of its output map, and what maps that quantise their input lose.',
      x: { label: 'head', ticks: [...Array.from({ length: count }, (_, head) => `${head}`), 'rest'] },
      y: { label: 'attention', ticks: split.map(({ site }) => site) },
      measure: isDifference ? 'difference of logits' : 'logit',
      colours: 'diverging',
      values: split.map(({ heads, headsRest }) => [...heads, headsRest]),
    },
    {
      kind: 'table',
      title: 'The strongest heads',
      columns: ['attention', 'head', 'logit'],
      rows: strongest.map(({ site, head, logit }) => [site, head, signed(logit)]),
    },
  ];
}
