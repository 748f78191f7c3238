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

/** For screen readers a drawing is one picture with a name; its numbers are in a table. */
export function plotOf(figure: Exclude<Figure, { kind: 'table' }>, canvas: Canvas): Element[] {
  const drawn = drawingOf(figure, canvas);
  for (const drawing of drawn) {
    const pictures = drawing.matches('svg') ? [drawing] : [...drawing.querySelectorAll('svg')];
    for (const picture of pictures) {
      picture.setAttribute('role', 'img');
      if (!picture.hasAttribute('aria-label')) picture.setAttribute('aria-label', `Legend: ${figure.measure}`);
    }
    // What Plot names a group of marks ('cell', 'bar') is no name for a listener.
    for (const part of drawing.querySelectorAll('g[aria-label]')) {
      part.setAttribute('data-marks', part.getAttribute('aria-label') ?? '');
      part.removeAttribute('aria-label');
    }
  }
  return drawn;
}

function drawingOf(figure: Exclude<Figure, { kind: 'table' }>, canvas: Canvas): Element[] {
  switch (figure.kind) {
    case 'heatmap':
      return drawHeatmap(figure, canvas);
    case 'bars':
      return drawBars(figure, canvas);
    case 'lines':
      return drawLines(figure, canvas);
  }
}
