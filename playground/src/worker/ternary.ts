/** Ternary weights as they are stored, read without a loaded model. */
import {
  type Folder,
  type OpenedModel,
  openOriginal,
  openPretrained,
  type TernaryDistance,
  type TernaryMatrix,
  type TernaryWeights,
  ternaryDistance,
  ternaryMatrices,
  ternaryWeights,
} from '../../../src/web.ts';

interface Stoppable {
  readonly signal?: AbortSignal | undefined;
}

/** Shares of -1, 0 and 1 in every matrix. */
export const sharesOf = (from: string | Folder, options: Stoppable = {}): Promise<TernaryWeights> =>
  opened(from, (model) => ternaryWeights(ternaryMatrices(model), options));

/** [rows, columns] of codes, the first `most` of each. */
export interface Codes {
  readonly rows: number;
  readonly columns: number;
  readonly numbers: Int8Array;
}

export const codesOf = (
  from: string | Folder,
  name: string,
  { most, signal }: Stoppable & { readonly most: number },
): Promise<Codes> =>
  opened(from, async (model) => {
    const matrix = ternaryMatrices(model).find((one) => one.name === name) as TernaryMatrix;
    const [rows, columns] = [Math.min(most, matrix.rows), Math.min(most, matrix.columns)];
    const numbers = new Int8Array(rows * columns);
    for await (const { row, codes } of matrix.blocks(signal)) {
      if (row >= rows) break;
      for (let r = row; r < Math.min(rows, row + codes.length / matrix.columns); r++) {
        const start = (r - row) * matrix.columns;
        numbers.set(codes.subarray(start, start + columns), r * columns);
      }
    }
    return { rows, columns, numbers };
  });

/** How far the weights are from those of the model that they were made from. */
export const distanceOf = (
  from: string | Folder,
  folder: Folder,
  options: Stoppable = {},
): Promise<readonly [TernaryWeights, readonly TernaryDistance[]]> =>
  opened(from, async (model) => {
    const original = await openOriginal(folder, model);
    const matrices = ternaryMatrices(model);
    try {
      return [await ternaryWeights(matrices, options), await ternaryDistance(matrices, original, options)];
    } finally {
      await original.close();
    }
  });

async function opened<T>(from: string | Folder, use: (model: OpenedModel) => Promise<T>): Promise<T> {
  const model = await openPretrained(from);
  try {
    return await use(model);
  } finally {
    await model.checkpoint.close();
  }
}
