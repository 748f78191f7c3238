/** Which blocks of a model have what an analysis needs: told from their sites, before any weight is read. */
import { UsageError } from '../base/errors.ts';
import { kind, kinds, type Option, option } from '../options/option.ts';
import type { Subject } from './subject.ts';

/** What can be asked of a model before its weights are there. */
export type Declared = Pick<Subject, 'sites' | 'parameters'>;

const layerNumbers: Option<readonly number[]> = kind('a list of numbers of layers, from 0 on', kinds.ids);

export const LAYERS_OPTION = option(layerNumbers, 'numbers of layers, from 0 on (default: all that have some)');

/**
 * The numbers of the blocks that have a site of this name: all, or those of `wanted`. Throws UsageError when none has, in the words of `missing`,
 * and when one that is wanted has not.
 */
export function layersWith(
  { sites }: Pick<Declared, 'sites'>,
  site: string,
  wanted: readonly number[] | undefined,
  missing: string,
): number[] {
  const found = sites.flatMap(({ name }) => {
    const [, layer, rest] = /^blocks\.(\d+)\.(.+)$/.exec(name) ?? [];
    return rest === site ? [Number(layer)] : [];
  });
  if (found.length === 0) throw new UsageError(`${missing} (no site is called 'blocks.*.${site}').`);
  if (wanted?.length === 0) throw new UsageError('the list of layers is empty; name one at least, or leave it out.');
  const strange = wanted?.find((layer) => !found.includes(layer));
  if (strange !== undefined)
    throw new UsageError(`layer ${strange} has no '${site}': this model has it in layers ${rangesOf(found)}.`);
  return wanted ? [...new Set(wanted)].sort((a, b) => a - b) : found;
}

/** `0 to 3, 5` */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const n of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}

/** The shape of a declared weight. */
export function shapeOf({ parameters }: Pick<Declared, 'parameters'>, name: string): readonly number[] {
  const found = parameters.find((one) => one.name === name);
  if (!found) throw new UsageError(`this model declares no parameter '${name}'.`);
  return found.shape;
}
