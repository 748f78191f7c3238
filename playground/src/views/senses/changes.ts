/** Changes of senses as the address has them, and as a file. */
import type { SenseEdit } from '../../../../src/web.ts';
import type { Scaled } from '../../worker/sense-changes.ts';

/** As in `686.3.0,12.1.2.5`: token, sense, scale. */
export const scaledOf = (text: string): readonly Scaled[] =>
  [...text.matchAll(/(\d+)\.(\d+)\.(\d+(?:\.\d+)?)/g)].map(([, id, sense, scale]) => ({
    ...{ id: Number(id), sense: Number(sense), scale: Number(scale) },
  }));

export const scaledText = (all: readonly Scaled[]): string =>
  all.map(({ id, sense, scale }) => `${id}.${sense}.${scale}`).join(',');

/** With another scale; 1, which changes nothing, is left out. */
export const withScale = (all: readonly Scaled[], one: Scaled): readonly Scaled[] => [
  ...all.filter(({ id, sense }) => id !== one.id || sense !== one.sense),
  ...(one.scale === 1 ? [] : [one]),
];

/** As a file for `--interventions`, whole in itself: vectors are lists of numbers. */
export function fileOf({ interventions, vectors }: SenseEdit): string {
  const listed = interventions.map((one) => {
    if (!('set' in one) || typeof one.set !== 'object' || !('vector' in one.set)) return one;
    const found = vectors.get(one.set.vector);
    return { ...one, set: found ? Array.from(found.data as Float32Array) : one.set };
  });
  return JSON.stringify({ version: 1, interventions: listed }, null, 1);
}
