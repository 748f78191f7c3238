/** What ternary matrices hold: shares of -1, 0 and 1, scale, entropy; one matrix at a time, some rows at a time. */
import { UsageError } from '../../base/errors.ts';
import type { TernaryMatrix } from '../../loader/ternary-matrices.ts';
import { checkOptions } from '../../options/check.ts';
import { call, kinds, type OptionsOf } from '../../options/option.ts';
import { entropyBits } from '../entropy.ts';

export const TERNARY_WEIGHTS_OPTIONS = {
  signal: kinds.signal,
  /** Told how many weights of how many were read. */
  onProgress: call<(done: number, total: number) => void>(),
};

export interface TernaryWeightsOptions extends OptionsOf<typeof TERNARY_WEIGHTS_OPTIONS> {}

export interface TernaryShares {
  readonly weights: number;
  /** Shares of the codes -1, 0 and 1, which sum to 1 where no code is invalid. */
  readonly minus: number;
  readonly zero: number;
  readonly plus: number;
  /** Two-bit codes that mean nothing; above 0 the file is damaged. */
  readonly invalid: number;
  /** Entropy of the shares, in bits per weight; log2 3 = 1.585 at most. */
  readonly entropy: number;
  readonly storedBytes: number;
  /** Stored bits per weight, without the scale. */
  readonly bits: number;
}

export interface TernaryMatrixShares extends TernaryShares {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly stored: TernaryMatrix['stored'];
  /** What the codes are multiplied with. */
  readonly scale: number;
}

export interface TernaryWeights {
  readonly matrices: readonly TernaryMatrixShares[];
  readonly total: TernaryShares;
}

/** Throws UsageError when there is no ternary matrix. */
export function checkTernary(matrices: readonly TernaryMatrix[]): void {
  if (matrices.length === 0)
    throw new UsageError(
      'this checkpoint has no ternary matrices: its layers are stored as plain or otherwise packed numbers.',
    );
}

/** Of the matrices that `ternaryMatrices` gives. */
export async function ternaryWeights(
  matrices: readonly TernaryMatrix[],
  options: TernaryWeightsOptions = {},
): Promise<TernaryWeights> {
  const { signal, onProgress } = checkOptions('ternaryWeights', options, TERNARY_WEIGHTS_OPTIONS);
  checkTernary(matrices);
  const all = matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const found: TernaryMatrixShares[] = [];
  const totals = [0, 0, 0, 0];
  let done = 0;
  for (const matrix of matrices) {
    const counts = await matrix.counts(signal, (count) => {
      done += count;
      onProgress?.(done, all);
    });
    counts.forEach((count, code) => {
      totals[code] = (totals[code] as number) + count;
    });
    const { name, rows, columns, stored, storedBytes } = matrix;
    found.push({ name, rows, columns, stored, scale: await matrix.scale(signal), ...sharesOf(counts, storedBytes) });
  }
  return {
    matrices: found,
    total: sharesOf(
      totals,
      matrices.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    ),
  };
}

function sharesOf(counts: readonly number[], storedBytes: number): TernaryShares {
  const [minus = 0, zero = 0, plus = 0, invalid = 0] = counts;
  const weights = minus + zero + plus + invalid;
  return {
    weights,
    minus: minus / weights,
    zero: zero / weights,
    plus: plus / weights,
    invalid,
    entropy: entropyBits([minus, zero, plus]),
    storedBytes,
    bits: (8 * storedBytes) / weights,
  };
}
