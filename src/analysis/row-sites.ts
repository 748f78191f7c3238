/** Sites that have a row of numbers for each token: those whose values can be averaged, set and added to by position. */
import { quote, UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { nearest } from '../base/nearest.ts';
import type { CapturedTensor } from '../inspect/capture.ts';
import type { Site } from '../models/model.ts';

const hasRows = ({ axes }: Site): boolean => axes.startsWith('[T');

/** Has it an axis of heads between tokens and channels? */
export const hasHeads = ({ axes }: Site): boolean => /^\[T, \w, \w\]$/.test(axes);

/** In the order of the model, `*` for any part of a name. Throws UsageError when none fits, or one has no row for each token. */
export function rowSites(sites: readonly Site[], patterns: readonly string[]): Site[] {
  if (patterns.length === 0) throw new UsageError('the list of sites is empty; name one at least.');
  const expressions = patterns.map((pattern) => {
    const expression = globPattern(pattern);
    if (!sites.some(({ name }) => expression.test(name))) throw missing(sites, pattern);
    return expression;
  });
  const found = sites.filter(({ name }) => expressions.some((expression) => expression.test(name)));
  const whole = found.find((site) => !hasRows(site));
  if (whole)
    throw new UsageError(
      `site '${whole.name}' ${whole.axes} has no row for each token; wanted sites such as ${found.find(hasRows)?.name ?? 'blocks.*.residPost'}.`,
    );
  return found;
}

function missing(sites: readonly Site[], pattern: string): UsageError {
  const general = [...new Set(sites.filter(hasRows).map(({ name }) => name.replace(/\.\d+\./, '.*.')))];
  const meant = nearest(pattern, general);
  return new UsageError(
    `no site is called ${quote(pattern)}${meant ? ` (did you mean '${meant}'?)` : ''}. This model has: ${general.join(', ')}.`,
  );
}

export interface Rows {
  /** Of one token: [W] or [H, D]. */
  readonly shape: readonly number[];
  readonly width: number;
  /** [T, width] */
  readonly data: Float32Array;
}

/** Rows of a captured value. Throws UsageError when its numbers are whole, as those of int8 copies and of experts' ids are. */
export function rowsOf(name: string, { shape, data }: CapturedTensor): Rows {
  if (!(data instanceof Float32Array))
    throw new UsageError(`site '${name}' has whole numbers; take the site that they come from.`);
  const [, ...row] = shape;
  return { shape: row, width: row.reduce((product, n) => product * n, 1), data };
}

export const rowAt = ({ data, width }: Rows, position: number): Float32Array =>
  data.slice(position * width, (position + 1) * width);
