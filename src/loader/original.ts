/** The checkpoint that a ternary one was made from: its matrices as numbers, by the names of the ternary model. */
import { CheckpointError, UsageError } from '../base/errors.ts';
import { show } from '../base/tensor.ts';
import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { Folder } from '../checkpoint/source.ts';
import { familyOf } from '../models/index.ts';
import { listed, renamed } from './names.ts';
import type { OpenedModel } from './open.ts';
import { ternaryMatrices } from './ternary-matrices.ts';

export interface OriginalWeights {
  /** The stored matrix for a ternary one of this name; undefined when there is none. */
  matrix(name: string): StoredTensor | undefined;
  close(): Promise<void>;
}

const NUMBERS = new Set(['F64', 'F32', 'F16', 'BF16']);

/**
 * Reads the headers of the original's files; it needs no config.json. Throws CheckpointError when none of its matrices is one of the ternary
 * model's, or one has another shape, and UsageError when it is packed itself.
 */
export async function openOriginal(
  folder: Folder,
  ternary: OpenedModel,
  onWarning?: (message: string) => void,
): Promise<OriginalWeights> {
  const checkpoint = await openCheckpoint(folder, onWarning);
  try {
    const tensors = renamed(familyOf(ternary.config), checkpoint.tensors.values());
    const matrices = ternaryMatrices(ternary);
    const absent = matrices.filter(({ name }) => !tensors.has(`${name}.weight`));
    if (absent.length === matrices.length) {
      const [wanted] = matrices;
      throw new CheckpointError(
        `${folder.name} has none of the matrices of the ternary model, such as '${wanted?.name}.weight'; ` +
          `it has ${listed([...checkpoint.tensors.keys()])}. Is it the model that the ternary one was made from?`,
      );
    }
    if (absent.length > 0)
      onWarning?.(
        `${folder.name} lacks ${absent.length} of ${matrices.length} matrices: ${listed(absent.map(({ name }) => name))}.`,
      );
    for (const { name, rows, columns } of matrices)
      checkMatrix(tensors.get(`${name}.weight`), rows, columns, folder.name);
    return { matrix: (name) => tensors.get(`${name}.weight`), close: () => checkpoint.close() };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

function checkMatrix(stored: StoredTensor | undefined, rows: number, columns: number, where: string): void {
  if (!stored) return;
  if (!NUMBERS.has(stored.dtype))
    throw new UsageError(
      `'${stored.name}' of ${where} is ${stored.dtype}, as packed weights are: the original has plain numbers (F32, BF16 or F16).`,
    );
  if (show(stored.shape) !== show([rows, columns]))
    throw new CheckpointError(
      `'${stored.name}' of ${where} is ${show(stored.shape)}, but the ternary matrix is ${show([rows, columns])}: it is another model.`,
    );
}
