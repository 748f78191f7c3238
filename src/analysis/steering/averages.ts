/** Means of a site's values over tokens of texts. */
import { UsageError } from '../../base/errors.ts';
import { rowsOf } from '../row-sites.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Places, placesIn } from './places.ts';

export interface Average {
  /** Of a row, [W] or [H, D]. */
  readonly shape: readonly number[];
  /** Over all tokens that were taken. */
  readonly mean: Float32Array;
  /** Of the lengths of the rows. */
  readonly meanLength: number;
  readonly tokens: number;
}

/** By site. */
export type Averages = ReadonlyMap<string, Average>;

interface Sums {
  readonly shape: readonly number[];
  readonly sum: Float64Array;
  lengths: number;
  tokens: number;
}

export interface AveragesOptions {
  /** Names that exist. */
  readonly sites: readonly string[];
  readonly positions: Places;
  readonly signal?: AbortSignal | undefined;
  /** For messages, as in `positive text`. */
  readonly what?: string | undefined;
  /** Told after each text. */
  readonly onText?: ((done: number) => void) | undefined;
}

/** Every token counts alike, whichever text it is of. Throws UsageError when a text has no such positions. */
export async function averagesOf(
  subject: Pick<Subject, 'encode' | 'captureSteps'>,
  texts: readonly SubjectPrompt[],
  { sites, positions, signal, what = 'text', onText }: AveragesOptions,
): Promise<Averages> {
  const all = new Map<string, Sums>();
  for (const [i, text] of texts.entries()) {
    const ids = subject.encode(text);
    const wanted = placesIn(positions, ids.length, `${what} ${i + 1}`);
    for await (const { ids: read, first, at, values } of subject.captureSteps(ids, { sites, signal }))
      for (const [name, value] of values) {
        const { shape, width, data } = rowsOf(name, value);
        const sums = all.get(name) ?? { shape, sum: new Float64Array(width), lengths: 0, tokens: 0 };
        all.set(name, sums);
        for (let row = first; row < read.length; row++)
          if (wanted.has(at + row - first)) add(sums, data.subarray(row * width, (row + 1) * width));
      }
    onText?.(i + 1);
  }
  if (all.size === 0) throw new UsageError(`there is no ${what} to take a mean of; give at least one.`);
  return new Map([...all].map(([name, sums]) => [name, averageOf(sums)]));
}

function add(sums: Sums, row: Float32Array): void {
  let squares = 0;
  for (let i = 0; i < row.length; i++) {
    const x = row[i] as number;
    (sums.sum[i] as number) += x;
    squares += x * x;
  }
  sums.lengths += Math.sqrt(squares);
  sums.tokens++;
}

const averageOf = ({ shape, sum, lengths, tokens }: Sums): Average => ({
  ...{ shape, tokens, meanLength: lengths / tokens },
  mean: Float32Array.from(sum, (x) => x / tokens),
});
