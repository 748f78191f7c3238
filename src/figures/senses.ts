/** Reports of what senses predict, how alike words are by them, and of what a logit consists. */
import type { Decomposition } from '../analysis/senses/decompose.ts';
import type { Lookup, ScoredPiece } from '../analysis/senses/lookup.ts';
import type { Nearest } from '../analysis/senses/nearest.ts';
import type { PairScores } from '../analysis/senses/pair-scores.ts';
import type { Similarities } from '../analysis/senses/similarity.ts';
import type { Figure, Report, Table } from './figure.ts';
import { tokenLabel } from './token-label.ts';

type Facts = Report['facts'];

const labelOf = ({ id, text }: { readonly id: number; readonly text: string }): string =>
  text === '' ? `#${id}` : tokenLabel(text);

const withLogit = (piece: ScoredPiece): string => `${labelOf(piece)} ${piece.logit.toFixed(2)}`;

const senseNames = (count: number): string[] => Array.from({ length: count }, (_, sense) => `${sense}`);

export function lookupReport(found: readonly Lookup[], facts: Facts): Report {
  const figures = found.flatMap((lookup): Figure[] => {
    const { word, id, ids, pieces, senses } = lookup;
    const name = ids.length > 1 ? `${tokenLabel(pieces[ids.indexOf(id)] ?? `${word}`)} (of '${word}')` : `'${word}'`;
    const table: Table = {
      kind: 'table',
      title: `What each sense of ${name} predicts and refuses`,
      about: 'Tokens with the highest and the lowest logits, before the senses are weighed.',
      columns: ['sense', 'predicts', 'refuses'],
      rows: senses.map(({ sense, top, bottom }) => [
        sense,
        top.map(withLogit).join(', '),
        bottom.map(withLogit).join(', '),
      ]),
    };
    const map = (title: string, side: 'top' | 'bottom'): Figure => ({
      kind: 'heatmap',
      title: `${title} by senses of ${name}`,
      x: { label: 'rank', ticks: (senses[0]?.[side] ?? []).map((_, i) => `${i + 1}`) },
      y: { label: 'sense', ticks: senses.map(({ sense }) => `${sense}`) },
      measure: 'logit',
      colours: 'diverging',
      values: senses.map((sense) => sense[side].map(({ logit }) => logit)),
      texts: senses.map((sense) => sense[side].map(labelOf)),
      hover: senses.map((sense) => sense[side].map((piece) => `id ${piece.id}`)),
    });
    return [table, map('Predicted', 'top'), map('Refused', 'bottom')];
  });
  return { title: 'What senses predict', facts, figures };
}

export function similarityReport(found: Similarities, words: readonly [string, string], facts: Facts): Report {
  const { senses, ...rest } = found;
  return {
    title: `How alike ${words.join(' and ')} are`,
    facts,
    figures: [
      {
        kind: 'table',
        title: 'Similarity functions',
        columns: ['function', 'cosine'],
        rows: [
          ['min of matched senses', fixed(rest.min)],
          ['max of matched senses', fixed(rest.max)],
          ['min of any two senses', fixed(rest.minAny)],
          ['max of any two senses', fixed(rest.maxAny)],
          ['all senses as one vector (flat)', fixed(rest.flat)],
          ...senses.map((value, sense) => [`sense ${sense}`, fixed(value)]),
        ],
      },
      bars('Cosine of each sense with its like', 'cosine', 'sense', senseNames(senses.length), senses),
    ],
  };
}

export function nearestReport(found: readonly Nearest[], by: string, facts: Facts): Report {
  return {
    title: `Nearest words by ${by}`,
    facts,
    figures: found.flatMap(({ word, nearest }): Figure[] => [
      {
        kind: 'table',
        title: `Nearest to '${word}'`,
        columns: ['word', 'id', 'similarity'],
        rows: nearest.map((one) => [labelOf(one), one.id, fixed(one.similarity)]),
      },
      bars(
        `Similarity to '${word}'`,
        'cosine',
        'word',
        nearest.map(labelOf),
        nearest.map(({ similarity }) => similarity),
      ),
    ]),
  };
}

export function pairsReport(found: PairScores, facts: Facts): Report {
  const { senses, pairs, severalTokens, ...rest } = found;
  const named = [
    ['min', rest.min],
    ['max', rest.max],
    ['min-any', rest.minAny],
    ['max-any', rest.maxAny],
    ['flat', rest.flat],
    ...senses.map((rho, sense) => [`sense ${sense}`, rho] as const),
  ] as const;
  return {
    title: 'Agreement with people on word pairs',
    facts,
    figures: [
      {
        kind: 'table',
        title: `Spearman's correlation over ${pairs} pairs`,
        columns: ['similarity', 'correlation'],
        rows: named.map(([name, rho]) => [name, fixed(rho)]),
      },
      bars(
        'Correlation by similarity',
        "Spearman's correlation",
        'similarity',
        named.map(([name]) => name),
        named.map(([, rho]) => rho),
      ),
    ],
    notes: [`${severalTokens} of the words are more than one token.`],
  };
}

/** How many parts the table has. */
const MOST_PARTS = 12;

export function decompositionReport(found: Decomposition, [target, other]: readonly string[], facts: Facts): Report {
  const { pieces, ids, parts, bySense, byToken, logit, sum } = found;
  const what = other === undefined ? `The logit of ${target}` : `The logit of ${target} less that of ${other}`;
  const tokens = pieces.map((text, i) => labelOf({ id: ids[i] as number, text }));
  const all = parts.flatMap((row, sense) => row.map((part, j) => ({ sense, j, part })));
  const largest = all.sort((a, b) => Math.abs(b.part) - Math.abs(a.part)).slice(0, MOST_PARTS);
  return {
    title: `${what}, by senses and tokens`,
    facts,
    figures: [
      {
        kind: 'table',
        title: `Largest parts of ${logit.toFixed(4)}`,
        columns: ['position', 'token', 'sense', 'part'],
        rows: largest.map(({ sense, j, part }) => [j, tokens[j] as string, sense, signed(part)]),
      },
      {
        kind: 'heatmap',
        title: 'What each sense of each token adds',
        x: { label: 'token', ticks: tokens },
        y: { label: 'sense', ticks: senseNames(parts.length) },
        measure: 'logit',
        values: parts,
        colours: 'diverging',
      },
      bars('By token', 'logit', 'token', tokens, byToken),
      bars('By sense', 'logit', 'sense', senseNames(parts.length), bySense),
      {
        kind: 'table',
        title: 'By token',
        columns: ['position', 'token', 'part'],
        rows: tokens.map((token, j) => [j, token, signed(byToken[j] as number)]),
      },
      {
        kind: 'table',
        title: 'By sense',
        columns: ['sense', 'part'],
        rows: bySense.map((part, sense) => [sense, signed(part)]),
      },
    ],
    notes: [`The parts sum to ${sum.toFixed(4)}; the model computes ${logit.toFixed(4)}.`],
  };
}

export const fixed = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(3));

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(4)}`;

export function bars(
  title: string,
  measure: string,
  label: string,
  ticks: readonly string[],
  values: readonly number[],
): Figure {
  const shown = values.map((value) => (Number.isNaN(value) ? null : value));
  return { kind: 'bars', title, places: { label, ticks }, measure, series: [{ name: measure, values: shown }] };
}
