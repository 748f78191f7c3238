/** Pictures of what ternary matrices hold, and how far they are from an original. */
import type { TernaryDistance } from '../../analysis/ternary/distance.ts';
import type { TernaryShares, TernaryWeights } from '../../analysis/ternary/weights.ts';
import type { Figure, Report } from '../figure.ts';
import { percent, rounded } from '../rounded.ts';

export function ternaryReport(
  { matrices, total }: TernaryWeights,
  distances: readonly TernaryDistance[] | undefined,
  facts: Report['facts'],
): Report {
  const places = { label: 'matrix', ticks: matrices.map(({ name }) => name) };
  const share = ({ minus, zero, plus, entropy, bits }: TernaryShares) => [
    percent(minus),
    percent(zero),
    percent(plus),
    rounded(entropy),
    rounded(bits, 3),
  ];
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Ternary matrices',
      about:
        'Scale: what codes are multiplied with. Entropy in bits per weight: no code can store them in less; log2 3 = 1.585 at most. Bits: as stored.',
      columns: ['matrix', 'size', 'scale', '-1', '0', '1', 'entropy', 'bits'],
      rows: [
        ...matrices.map((one) => [one.name, `${one.rows} x ${one.columns}`, rounded(one.scale), ...share(one)]),
        ['all', total.weights.toLocaleString('en'), null, ...share(total)],
      ],
    },
    ...(distances ? distanceFigures(distances) : []),
    {
      kind: 'bars',
      title: 'Shares of -1, 0 and 1',
      places,
      measure: 'share',
      series: [
        { name: '-1', values: matrices.map(({ minus }) => minus) },
        { name: '0', values: matrices.map(({ zero }) => zero) },
        { name: '1', values: matrices.map(({ plus }) => plus) },
      ],
    },
    {
      kind: 'bars',
      title: 'Scale',
      places,
      measure: 'scale',
      series: [{ name: 'scale', values: matrices.map(({ scale }) => scale) }],
    },
  ];
  const notes = total.invalid > 0 ? [`${total.invalid} codes are no number: the file is damaged.`] : [];
  return { title: 'Ternary matrices', facts, figures, notes };
}

function distanceFigures(distances: readonly TernaryDistance[]): Figure[] {
  return [
    {
      kind: 'table',
      title: 'Distance to the original',
      about:
        'Cosine: of the angle between both matrices. Error: root mean square of the difference, over that of the original; "rounded" is that of the original itself, rounded to ternary. Equal: share of codes that this rounding gives too.',
      columns: ['matrix', 'scale', 'original', 'cosine', 'error', 'rounded', 'equal'],
      rows: distances.map((one) => [
        one.name,
        rounded(one.scale),
        rounded(one.originalScale),
        rounded(one.cosine),
        rounded(one.relativeRms),
        rounded(one.roundedRms),
        percent(one.equalCodes),
      ]),
    },
    {
      kind: 'bars',
      title: 'Cosine of the angle to the original',
      places: { label: 'matrix', ticks: distances.map(({ name }) => name) },
      measure: 'cosine',
      series: [{ name: 'cosine', values: distances.map(({ cosine }) => cosine) }],
    },
  ];
}
