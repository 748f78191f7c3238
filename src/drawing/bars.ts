/** Bars from 0: below each other, or upright; those of several series are stacked. */
import { axisX, axisY, barX, barY, plot, ruleX, ruleY } from '@observablehq/plot';
import type { Bars } from '../figures/figure.ts';
import { SERIES } from './colours.ts';
import { shortNumber } from './data-table.ts';
import type { Canvas } from './plots.ts';
import { described, places, roomFor, wordsBelow, writtenPlaces } from './ticks.ts';

interface Bar {
  readonly place: number;
  readonly series: string;
  readonly value: number;
}

const ROW = 18; // pixels of a lying bar
const UPRIGHT_HEIGHT = 240;

export function drawBars(figure: Bars, { width }: Canvas): Element[] {
  const { ticks, label } = figure.places;
  const bars: Bar[] = figure.series.flatMap(({ name, values }) =>
    values.flatMap((value, place) => (value === null ? [] : [{ place, series: name, value }])),
  );
  const names = figure.series.map(({ name }) => name);
  const shared = {
    ...described(figure),
    color: { domain: names, range: SERIES, legend: names.length > 1 },
  };
  const title = (bar: Bar) =>
    [
      `${label}: ${ticks[bar.place]}`,
      `${bar.series || figure.measure}: ${shortNumber(bar.value)}`,
      ...more(figure, bar),
    ].join('\n');
  const measure = { label: figure.measure, grid: true, labelArrow: 'none', nice: true } as const;
  const tickFormat = (i: number) => ticks[i] ?? '';
  if (figure.upright) {
    const inner = Math.max(width - 64, 0);
    const { room, tickRotate } = wordsBelow(ticks, inner / ticks.length);
    return [
      plot({
        ...shared,
        width,
        height: UPRIGHT_HEIGHT + room,
        marginLeft: 56,
        marginBottom: room,
        x: { domain: places(ticks.length), label: null },
        y: measure,
        marks: [
          barY(bars, { x: 'place', y: 'value', fill: 'series', title, tip: true }),
          ruleY([0], { stroke: 'currentColor' }),
          axisX(writtenPlaces(ticks.length, inner), {
            label,
            tickFormat,
            tickRotate,
            tickSize: 0,
            labelOffset: room - 6,
            labelAnchor: 'left',
            labelArrow: 'none',
          }),
        ],
      }),
    ];
  }
  const room = roomFor(ticks) + 24;
  return [
    plot({
      ...shared,
      width: Math.max(width, room + 160),
      height: 72 + ROW * ticks.length,
      marginLeft: room,
      marginTop: 24,
      marginBottom: 52,
      x: measure,
      y: { domain: places(ticks.length), label: null },
      marks: [
        barX(bars, { y: 'place', x: 'value', fill: 'series', title, tip: true }),
        ruleX([0], { stroke: 'currentColor' }),
        axisY(places(ticks.length), {
          label,
          tickFormat,
          tickSize: 0,
          labelOffset: room - 4,
          labelArrow: 'none',
          labelAnchor: 'top',
        }),
      ],
    }),
  ];
}

const more = ({ hover }: Bars, { place }: Bar): string[] => {
  const text = hover?.[place];
  return text ? [text] : [];
};
