/** Checks that tensors which a checkpoint stores twice are equal. */
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { sameNumbers } from './same-numbers.ts';

/** A warning for every copy that differs from its original. */
export async function differingCopies(
  copies: readonly (readonly [StoredTensor, StoredTensor])[],
  signal?: AbortSignal,
): Promise<string[]> {
  const warnings: string[] = [];
  for (const [copy, original] of copies) {
    if (await sameNumbers(copy, original, signal)) continue;
    warnings.push(
      `'${copy.name}' differs from '${original.name}', of which the configuration makes it a copy; it is not used, as in the ` +
        `reference implementation. A head (lm_head.weight) is used with tiedHead: 'stored' (--tied-head stored).`,
    );
  }
  return warnings;
}
