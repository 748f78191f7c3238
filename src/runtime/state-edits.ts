/** Interventions on a recurrent state, applied in its memory before a step. */
import { size } from '../base/tensor.ts';
import type { StateEdit } from '../interventions/edit.ts';
import type { Ops } from '../ops/index.ts';
import type { Sequence } from './packed.ts';
import type { StatePool } from './state-pool.ts';

/** Must be called after StatePool.prepare, when no other state shares the slot. */
export function changeStates(ops: Ops, pool: StatePool, { state, interventions }: Sequence): void {
  for (const edit of interventions?.statesAt(state.length) ?? []) change(ops, pool, state.slot as number, edit);
}

function change(ops: Ops, pool: StatePool, slot: number, { state, shape, scale, set }: StateEdit): void {
  const own = ops.reshape(ops.rows(pool.tensor(state), slot, slot + 1), [1, size(shape)]);
  if (set) ops.assign(own, ops.upload(set as Float32Array<ArrayBuffer>, own.shape));
  else if (scale === 0)
    ops.assign(own, ops.zeros(own.shape)); // multiplying by 0 would keep infinity and NaN
  else if (scale !== 1) ops.assign(own, ops.scale(own, scale));
}
