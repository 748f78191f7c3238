/** Changes of a recurrent state, made in its memory before a step reads on from it. */
import { size } from '../base/tensor.ts';
import type { StateEdit } from '../interventions/edit.ts';
import type { Ops } from '../ops/index.ts';
import type { Sequence } from './packed.ts';
import type { StatePool } from './state-pool.ts';

/** The pool has made room for the step: nobody else holds the slot. */
export function changeStates(ops: Ops, pool: StatePool, { state, interventions }: Sequence): void {
  for (const edit of interventions?.statesAt(state.length) ?? []) change(ops, pool, state.slot as number, edit);
}

function change(ops: Ops, pool: StatePool, slot: number, { state, shape, scale, set }: StateEdit): void {
  const own = ops.reshape(ops.rows(pool.tensor(state), slot, slot + 1), [1, size(shape)]);
  if (set) ops.assign(own, ops.upload(set as Float32Array<ArrayBuffer>, own.shape));
  else if (scale === 0)
    ops.assign(own, ops.zeros(own.shape)); // also where it is infinite or NaN
  else if (scale !== 1) ops.assign(own, ops.scale(own, scale));
}
