/** Words along an axis: how much room they need, and which of them there is room for. */

/** Of the 12 pixel font, on average. */
const CHARACTER = 7;

export const roomFor = (ticks: readonly string[]): number =>
  Math.min(220, 16 + CHARACTER * ticks.reduce((most, tick) => Math.max(most, [...tick].length), 1));

/** Of `count` places, those whose words are written: all, or every second, and so on. */
export function writtenPlaces(count: number, pixels: number, pixelsEach = 15): number[] {
  const step = Math.max(1, Math.ceil((count * pixelsEach) / Math.max(1, pixels)));
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}

/** The words below a drawing lie where they fit side by side, else they stand; and what room they and the axis' name take. */
export function wordsBelow(ticks: readonly string[], pixelsEach: number): { room: number; tickRotate: number } {
  const fits = roomFor(ticks) <= pixelsEach;
  return { room: fits ? 44 : roomFor(ticks) + 24, tickRotate: fits ? 0 : -90 };
}

export const places = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** `Title. What to read from it.`: what a screen reader says of a drawing. */
export const described = (figure: {
  title: string;
  about?: string | undefined;
}): { ariaLabel: string; ariaDescription: string } => ({
  ariaLabel: figure.title,
  ariaDescription: figure.about ?? figure.title,
});
