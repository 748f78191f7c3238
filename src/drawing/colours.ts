/** Colours of numbers, on light and on dark ground, and of series. */
import { type ScaleOptions, scale } from '@observablehq/plot';
import type { Heatmap } from '../figures/figure.ts';

/** Okabe and Ito's colours without black and yellow, which colour-blind people can tell apart. */
export const SERIES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#7f7f7f', '#8c6bb1'];

export function colourScale({ values, colours, range }: Heatmap, dark: boolean): ScaleOptions {
  const [least, most] = range ?? endsOf(values);
  if (colours === 'diverging') {
    const reach = Math.max(Math.abs(least), Math.abs(most)) || 1;
    const ends = dark ? ['#f29169', '#222a35', '#62b0f5'] : ['#c4501b', '#f7f7f7', '#1b66b0'];
    return { type: 'diverging', domain: [-reach, reach], range: ends, interpolate: 'lab', clamp: true };
  }
  const domain = most > least ? [least, most] : [least, least + 1];
  const ends = dark ? ['#1e2630', '#2f6ea8', '#a6dbff'] : ['#f4f7fb', '#6aa5d8', '#0b3c75'];
  const middle = ((domain[0] as number) + (domain[1] as number)) / 2;
  return { type: 'linear', domain: [domain[0], middle, domain[1]], range: ends, interpolate: 'lab', clamp: true };
}

function endsOf(values: Heatmap['values']): readonly [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of values)
    for (const value of row) {
      if (value === null || !Number.isFinite(value)) continue;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  return least <= most ? [least, most] : [0, 1];
}

/** Black or white, whichever is read more easily on the colour of a number. */
export function inkOn(color: ScaleOptions, value: number | null): string {
  if (value === null) return 'currentColor';
  const filled = String(scale({ color }).apply(value));
  const [r = 0, g = 0, b = 0] = (filled.match(/\d+(\.\d+)?/g) ?? []).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? '#10151c' : '#ffffff';
}
