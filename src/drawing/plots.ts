/** Draws figures with Observable Plot (docs/adr/0008-charts.md). */
import type { Figure } from '../figures/figure.ts';
import { drawBars } from './bars.ts';
import { drawHeatmap } from './heatmap.ts';
import { drawLines } from './lines.ts';

export interface Canvas {
  /** Pixels that there are; a figure that needs more scrolls. */
  readonly width: number;
  readonly dark: boolean;
}

export function plotOf(figure: Exclude<Figure, { kind: 'table' }>, canvas: Canvas): Element[] {
  switch (figure.kind) {
    case 'heatmap':
      return drawHeatmap(figure, canvas);
    case 'bars':
      return drawBars(figure, canvas);
    case 'lines':
      return drawLines(figure, canvas);
  }
}
