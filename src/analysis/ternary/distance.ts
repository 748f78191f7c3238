/**
 * How far ternary matrices are from the ones they were made from, and from what plain rounding would make of those: round(W / mean|W|) within
 * -1 and 1, times mean|W| (arXiv 2402.17764, equations 1 to 3; transformers integrations/bitnet.py, WeightQuant).
 */
import type { OriginalWeights } from '../../loader/original.ts';
import { codeOfMaster, perMean } from '../../loader/pack-ternary.ts';
import { storedRows } from '../../loader/stored-numbers.ts';
import { meanSize, type TernaryMatrix } from '../../loader/ternary-matrices.ts';
import { checkOptions } from '../../options/check.ts';
import { TERNARY_WEIGHTS_OPTIONS, type TernaryWeightsOptions } from './weights.ts';

export interface TernaryDistance {
  readonly name: string;
  /** What codes are multiplied with, and mean|W| of the original. */
  readonly scale: number;
  readonly originalScale: number;
  /** Cosine of the angle between both matrices, each taken as one vector. */
  readonly cosine: number;
  /** Root mean square of ternary - original, over that of the original. */
  readonly relativeRms: number;
  /** The same for the original rounded to ternary. */
  readonly roundedRms: number;
  /** Share of codes that are those of the original rounded to ternary. */
  readonly equalCodes: number;
}

/** Matrices that the original lacks are left out. */
export async function ternaryDistance(
  matrices: readonly TernaryMatrix[],
  original: OriginalWeights,
  options: TernaryWeightsOptions = {},
): Promise<TernaryDistance[]> {
  const { signal, onProgress } = checkOptions('ternaryDistance', options, TERNARY_WEIGHTS_OPTIONS);
  const both = matrices.flatMap((matrix) => {
    const stored = original.matrix(matrix.name);
    return stored ? [{ matrix, stored }] : [];
  });
  const all = both.reduce((sum, { matrix: { rows, columns } }) => sum + rows * columns, 0);
  const found: TernaryDistance[] = [];
  let done = 0;
  for (const { matrix, stored } of both) {
    const mean = await meanSize(stored, signal);
    const perWeight = perMean(mean);
    const sums = { product: 0, squares: 0, codes: 0, rounded: 0, roundedProduct: 0, equal: 0 };
    for await (const { row, codes } of matrix.blocks(signal)) {
      add(sums, codes, await storedRows(stored, row, codes.length / matrix.columns, signal), perWeight);
      done += codes.length;
      onProgress?.(done, all);
    }
    const scale = await matrix.scale(signal);
    const { product, squares, codes, rounded, roundedProduct, equal } = sums;
    found.push({
      name: matrix.name,
      scale,
      originalScale: mean,
      cosine: squares * codes > 0 ? product / Math.sqrt(squares * codes) : 0,
      relativeRms: relative(squares - 2 * scale * product + scale * scale * codes, squares),
      roundedRms: relative(squares - 2 * mean * roundedProduct + mean * mean * rounded, squares),
      equalCodes: equal / (matrix.rows * matrix.columns),
    });
  }
  return found;
}

/** Square root of a quotient; 0 when both are. */
const relative = (difference: number, squares: number): number =>
  difference <= 0 ? 0 : Math.sqrt(difference / squares);

interface Sums {
  /** Of W c, W W, c c, of the rounded codes r: r r, W r; and how many c = r. */
  product: number;
  squares: number;
  codes: number;
  rounded: number;
  roundedProduct: number;
  equal: number;
}

function add(sums: Sums, codes: Int8Array, numbers: Float32Array, perWeight: number): void {
  let [product, squares, ofCodes, ofRounded, roundedProduct, equal] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < codes.length; i++) {
    const w = numbers[i] as number;
    const code = codes[i] as number;
    const rounded = codeOfMaster(w, perWeight);
    product += w * code;
    squares += w * w;
    ofCodes += code * code;
    ofRounded += rounded * rounded;
    roundedProduct += w * rounded;
    if (code === rounded) equal++;
  }
  sums.product += product;
  sums.squares += squares;
  sums.codes += ofCodes;
  sums.rounded += ofRounded;
  sums.roundedProduct += roundedProduct;
  sums.equal += equal;
}
