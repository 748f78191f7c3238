/** Where tensors lie. */
import { byteOffset, type Tensor } from '../../base/tensor.ts';
import type { Bank } from './bank.ts';
import type { Located } from './command.ts';
import type { Range } from './hazards.ts';
import { inPanels, memoryBytes } from './panels.ts';

/** Where a tensor lies. Values of a step get their place when the command that makes them is known. */
export interface Place {
  bank: Bank | undefined;
  address: number;
  readonly bytes: number;
  /** Of a live tensor [..., N, J]: N, however it is seen. */
  readonly rowsOfEach?: number | undefined;
}

export const placeOf = (x: Tensor): Place => x.place as Place;

export function rangeOf(x: Tensor): Range {
  const { bank, address } = placeOf(x);
  const start = address + offsetOf(x);
  return { bank: (bank as Bank).index, start, end: start + memoryBytes(x.shape, x.dtype) };
}

/** Bytes between the start of a tensor's place and its own. Matrices in panels are whole for kernels. */
function offsetOf(x: Tensor): number {
  if (x.offset > 0 && inPanels(x.dtype)) throw new Error(`rows of ${x.dtype} cannot be used apart from their matrix`);
  return byteOffset(x);
}

export function located(x: Tensor): Located {
  return { address: placeOf(x).address + offsetOf(x), shape: x.shape, dtype: x.dtype };
}
