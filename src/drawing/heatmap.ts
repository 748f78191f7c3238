/** A heat map: a cell for each pair of places, coloured by its number. */
import { axisX, axisY, cell, legend, plot, pointer, text, tip } from '@observablehq/plot';
import type { Heatmap } from '../figures/figure.ts';
import { colourScale, inkOn } from './colours.ts';
import { shortNumber } from './data-table.ts';
import type { Canvas } from './plots.ts';
import { described, places, roomFor, wordsBelow, writtenPlaces } from './ticks.ts';

interface Cell {
  readonly column: number;
  readonly row: number;
  readonly value: number | null;
  readonly text: string;
}

const SMALLEST = 11; // pixels of a cell
const LARGEST = 48;
const CHARACTER = 6.5; // pixels of a character in a cell

export function drawHeatmap(figure: Heatmap, { width, dark }: Canvas): Element[] {
  const [columns, rows] = [figure.x.ticks.length, figure.y.ticks.length];
  const cells: Cell[] = figure.values.flatMap((line, row) =>
    line.map((value, column) => ({ column, row, value, text: figure.texts?.[row]?.[column] ?? '' })),
  );
  const longest = cells.reduce((most, { text }) => Math.max(most, [...text].length), 0);
  const left = roomFor(figure.y.ticks) + 24;
  const smallest = Math.max(SMALLEST, longest * CHARACTER + (longest > 0 ? 6 : 0));
  const cellWidth = Math.max(smallest, Math.min(Math.max(LARGEST, smallest), (width - left - 8) / columns));
  const { room: bottom, tickRotate } = wordsBelow(figure.x.ticks, cellWidth);
  const cellHeight = longest > 0 ? 22 : Math.max(rows > 40 ? SMALLEST : 13, Math.min(24, cellWidth));
  const color = colourScale(figure, dark);
  const at = { x: 'column', y: 'row' } as const;
  const chart = plot({
    ...described(figure),
    width: left + columns * cellWidth + 8,
    height: 8 + rows * cellHeight + bottom,
    marginLeft: left,
    marginTop: 8,
    marginRight: 8,
    marginBottom: bottom,
    x: { domain: places(columns), label: null },
    y: { domain: places(rows), label: null },
    color,
    marks: [
      cell(cells, { ...at, fill: 'value', ...(cellWidth > 16 ? { inset: 0.5, stroke: 'var(--line)' } : {}) }),
      axisX(writtenPlaces(columns, columns * cellWidth), {
        anchor: 'bottom',
        label: figure.x.label,
        labelAnchor: 'left',
        labelArrow: 'none',
        labelOffset: bottom - 6,
        tickFormat: (i: number) => figure.x.ticks[i] ?? '',
        tickRotate,
        tickSize: 0,
      }),
      axisY(writtenPlaces(rows, rows * cellHeight, 12), {
        anchor: 'left',
        label: figure.y.label,
        labelAnchor: 'top',
        labelArrow: 'none',
        labelOffset: left - 4,
        tickFormat: (i: number) => figure.y.ticks[i] ?? '',
        tickSize: 0,
      }),
      ...(longest > 0
        ? [text(cells, { ...at, text: 'text', fill: (c: Cell) => inkOn(color, c.value), pointerEvents: 'none' })]
        : []),
      tip(
        cells,
        pointer({ ...at, title: (c: Cell) => hoverText(figure, c), maxRadius: 40, preferredAnchor: 'bottom' }),
      ),
    ],
  });
  const key = legend({ color: { ...color, label: figure.measure }, width: Math.min(240, width), marginLeft: 8 });
  const holder = document.createElement('div');
  holder.className = 'legend';
  holder.append(key);
  return [holder, chart];
}

function hoverText({ x, y, measure, hover }: Heatmap, { column, row, value, text }: Cell): string {
  const more = hover?.[row]?.[column];
  return [
    `${y.label}: ${y.ticks[row]}`,
    `${x.label}: ${x.ticks[column]}`,
    ...(text ? [text] : []),
    `${measure}: ${value === null ? '-' : shortNumber(value)}`,
    ...(more ? [more] : []),
  ].join('\n');
}
