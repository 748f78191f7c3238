/**
 * Runs the end of a model on values of earlier layers, as if they were the output of its last block. In most models the end is a norm; in a
 * Backpack it computes the sense weights (Trunk in src/models/model.ts).
 */
import type { Tensor } from '../base/tensor.ts';
import type { SequenceInterventions } from '../interventions/sequence.ts';
import { tapOf } from '../models/tap.ts';
import { PackedBatch } from './batch.ts';
import { checkSequences, type Engine } from './engine.ts';
import { Packed } from './packed.ts';
import { changeStates } from './state-edits.ts';
import { tapsOf } from './taps.ts';

/** For each of these sites, whose values are [T, M]: hidden[T, M], the input of the head. All tokens are read in one step, under `interventions`. */
export async function readout(
  engine: Engine,
  ids: readonly number[],
  sites: ReadonlySet<string>,
  interventions?: SequenceInterventions,
): Promise<Map<string, Float32Array>> {
  const { model, backend, ops, pool } = engine;
  checkSequences(model.facts, [{ ids }]);
  const state = engine.newState();
  /** Copies that outlive a step: first the values of the sites, then the results. */
  const kept = new Map<string, Tensor>();
  const keep = (site: string, x: Tensor): Tensor => {
    const copy = backend.allocate(x.shape, x.dtype);
    kept.set(site, copy);
    ops.assign(copy, x);
    return x;
  };
  const pass = async (): Promise<void> => {
    const packed = new Packed([{ ids, state, interventions }]);
    changeStates(ops, pool, { ids, state, interventions });
    const tap = tapOf((site) => sites.has(site) && !kept.has(site), keep);
    const batch = new PackedBatch(packed, pool);
    const { read } = model.trunk({ ops, batch, show: tapsOf(ops, packed, batch, [tap]) });
    for (const x of [...kept.values()])
      ops.assign(
        x,
        ops.scope(() => read(x)),
      );
  };
  try {
    await pool.turn(async () => {
      await pool.prepare([{ holding: state, count: ids.length }]);
      state.begin();
      try {
        await backend.step(pass);
      } finally {
        state.fail(); // the readouts have written to it, so it cannot be continued
      }
    });
    const hidden = new Map<string, Float32Array>();
    for (const [site, x] of kept) hidden.set(site, (await backend.read(x)) as Float32Array);
    return hidden;
  } finally {
    for (const x of kept.values()) backend.free(x);
    state.dispose();
  }
}
