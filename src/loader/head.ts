/**
 * Chooses the head when config.json ties it to the embedding and the files hold both. transformers 5 compares them, and ties them only when
 * they are equal (`tie_weights` in modeling_utils.py); transformers 4 always tied them.
 */

import { UsageError } from '../base/errors.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { Family } from '../models/model.ts';
import { sameNumbers } from './same-numbers.ts';

/** `stored`: use the stored head. `embedding`: use the embedding as head. */
export const TIED_HEADS = ['stored', 'embedding'] as const;
export type TiedHead = (typeof TIED_HEADS)[number];

const HEAD = 'lm_head.weight';

export interface HeadOptions {
  readonly tiedHead?: TiedHead | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HeadChoice<Config> {
  readonly config: Config;
  /** Set when the choice differs from config.json. */
  readonly tied?: boolean;
}

/**
 * Compares head and embedding when both are stored and no choice was given. Removes a head that is not used, or is a copy, from `tensors`
 * (by the model's names). Throws UsageError when the choice is impossible.
 */
export async function chooseHead<Config>(
  family: Family<Config>,
  config: Config,
  tensors: Map<string, StoredTensor>,
  { tiedHead, onWarning, signal }: HeadOptions,
): Promise<HeadChoice<Config>> {
  const { withHead, copies, ignoresTiedHead } = family;
  const original = copies(config)[HEAD]; // the embedding, when the head is tied to it
  const [head, embedding] = [tensors.get(HEAD), tensors.get(original ?? '')];
  const own = () => (withHead ? { config: withHead(config, true), tied: false } : { config });
  if (tiedHead === 'stored') {
    if (!head) throw new UsageError(`tiedHead is 'stored', but this checkpoint has no ${HEAD}: leave it out.`);
    return embedding ? own() : { config };
  }
  if (tiedHead === 'embedding') {
    if (original && !embedding) return { config }; // only one tensor is stored, under the name of the head
    tensors.delete(HEAD);
    return original || !withHead ? { config } : { config: withHead(config, false), tied: true };
  }
  if (!head || !embedding || ignoresTiedHead?.(head.name)) return { config };
  if (await sameNumbers(head, embedding, signal)) {
    tensors.delete(HEAD);
    return { config };
  }
  onWarning?.(
    `config.json ties '${head.name}' to '${embedding.name}', but both are stored and they differ: the stored head is used, as in ` +
      `transformers 5. Take tiedHead: 'embedding' (--tied-head embedding) for what transformers 4 did.`,
  );
  return own();
}
