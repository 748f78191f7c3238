/** Numbers that go on from place to place: a line for each series. */
import { axisX, line, plot, pointerX, ruleX, ruleY, tip } from '@observablehq/plot';
import type { Lines } from '../figures/figure.ts';
import { SERIES } from './colours.ts';
import { shortNumber } from './data-table.ts';
import type { Canvas } from './plots.ts';
import { described, places, wordsBelow, writtenPlaces } from './ticks.ts';

interface Point {
  readonly at: number;
  readonly place: number;
  readonly series: string;
  readonly value: number | null;
}

const HEIGHT = 260;

export function drawLines(figure: Lines, { width }: Canvas): Element[] {
  const { ticks, label } = figure.places;
  const at = figure.at ?? places(ticks.length);
  const points: Point[] = figure.series.flatMap(({ name, values }) =>
    values.map((value, place) => ({ at: at[place] as number, place, series: name, value: drawable(figure, value) })),
  );
  const drawn = figure.joined ? points.filter(({ value }) => value !== null) : points;
  const names = figure.series.map(({ name }) => name);
  const { room, tickRotate } = wordsBelow(ticks, (width - 64) / ticks.length);
  const words = new Map(at.map((x, i) => [x, ticks[i] ?? '']));
  const written = writtenPlaces(ticks.length, width - 64).map((i) => at[i] as number);
  const title = (p: Point) =>
    [
      `${label}: ${ticks[p.place]}`,
      `${p.series || figure.measure}: ${p.value === null ? '-' : shortNumber(p.value)}`,
    ].join('\n');
  return [
    plot({
      ...described(figure),
      width,
      height: HEIGHT + room,
      marginLeft: 56,
      marginBottom: room,
      color: { domain: names, range: SERIES, legend: names.length > 1 },
      x: { label: null },
      y: {
        label: figure.measure,
        labelArrow: 'none',
        grid: true,
        nice: true,
        ...(figure.logarithmic ? { type: 'log' } : {}),
      },
      marks: [
        ...(figure.logarithmic || figure.anyZero ? [] : [ruleY([0], { stroke: 'currentColor', strokeOpacity: 0.4 })]),
        line(drawn, { x: 'at', y: 'value', stroke: 'series', marker: drawn.length <= 200 ? 'dot' : 'none' }),
        ruleX(drawn, pointerX({ x: 'at', stroke: 'currentColor', strokeOpacity: 0.3 })),
        tip(drawn, pointerX({ x: 'at', y: 'value', title })),
        axisX(written, {
          label,
          tickFormat: (x: number) => words.get(x) ?? '',
          tickRotate,
          labelOffset: room - 6,
          labelAnchor: 'left',
          labelArrow: 'none',
        }),
      ],
    }),
  ];
}

/** Logarithms have no place for 0 and less. */
const drawable = ({ logarithmic }: Lines, value: number | null): number | null =>
  logarithmic && value !== null && value <= 0 ? null : value;
