/** How far ternary weights are from those of the model that they were made from; loaded when somebody asks. */
import {
  type Folder,
  openOriginal,
  openPretrained,
  type Report,
  ternaryDistance,
  ternaryMatrices,
  ternaryReport,
  ternaryWeights,
} from '../../../../src/web.ts';

export async function distanceReport(from: string | Folder, folder: Folder, signal: AbortSignal): Promise<Report> {
  const opened = await openPretrained(from);
  try {
    const original = await openOriginal(folder, opened);
    const matrices = ternaryMatrices(opened);
    try {
      const found = await ternaryWeights(matrices, { signal });
      return ternaryReport(found, await ternaryDistance(matrices, original, { signal }), []);
    } finally {
      await original.close();
    }
  } finally {
    await opened.checkpoint.close();
  }
}
