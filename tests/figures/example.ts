/** A report with a figure of each kind, for tests. */
import type { Report } from '../../src/figures/figure.ts';

export const example: Report = {
  title: 'A report',
  facts: [
    ['model', 'granite-tiny'],
    ['text', 'Once upon a time'],
  ],
  figures: [
    {
      kind: 'heatmap',
      title: 'Probability of a word, layer by layer',
      about: 'Darker is more.',
      x: { label: 'token', ticks: ['Once', '␣upon', '␣a', '␣time'] },
      y: { label: 'site', ticks: ['embed', 'blocks.0', 'blocks.1'] },
      measure: 'probability',
      values: [
        [0, 0.1, 0.2, 0.3],
        [0.4, 0.5, null, 0.7],
        [0.8, 0.9, 1, 0.25],
      ],
      texts: [
        ['a', 'b', 'c', 'd'],
        ['e', 'f', 'g', 'h'],
        ['i', 'j', 'k', 'l'],
      ],
      hover: [
        ['first', '', '', ''],
        ['', '', '', ''],
        ['', '', '', 'last'],
      ],
    },
    {
      kind: 'heatmap',
      title: 'Both sides of 0',
      x: { label: 'head', ticks: ['0', '1'] },
      y: { label: 'layer', ticks: ['0', '1'] },
      measure: 'logit',
      colours: 'diverging',
      values: [
        [-1, 2],
        [0, 0.5],
      ],
    },
    {
      kind: 'bars',
      title: 'What each block adds',
      places: { label: 'part', ticks: ['embed', 'block 0', 'block 1'] },
      measure: 'logit',
      series: [{ name: '', values: [1, -2, 3] }],
    },
    {
      kind: 'bars',
      title: 'Shares',
      upright: true,
      places: { label: 'matrix', ticks: ['q', 'k', 'v'] },
      measure: 'share',
      series: [
        { name: '-1', values: [0.3, 0.2, 0.1] },
        { name: '0', values: [0.4, 0.6, 0.8] },
        { name: '1', values: [0.3, 0.2, 0.1] },
      ],
    },
    {
      kind: 'lines',
      title: 'Norm of the state',
      places: { label: 'token', ticks: ['Once', '␣upon', '␣a', '␣time'] },
      measure: 'norm',
      series: [
        { name: 'layer 0', values: [1, 2, 3, 2] },
        { name: 'layer 1', values: [2, 1, null, 4] },
      ],
    },
    {
      kind: 'lines',
      title: 'Loss',
      places: { label: 'step', ticks: ['0', '1', '2', '3'] },
      measure: 'nats',
      series: [{ name: '', values: [3.9, null, 3.4, 3.2] }],
      joined: true,
      anyZero: true,
    },
    {
      kind: 'table',
      title: 'Words',
      columns: ['word', 'probability'],
      rows: [
        [' she', 0.25],
        [' he', null],
      ],
    },
  ],
  notes: ['Made for tests.'],
};
