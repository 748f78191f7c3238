/** Full fine-tuning: the f32 weights of a checkpoint, all or some of them. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { fillValues } from '../loader/fill.ts';
import type { Plan } from '../loader/plan.ts';
import { savedValues } from '../loader/save.ts';
import type { Trainable, TrainedTensor } from './trainable.ts';

export type Frozen = (name: string) => boolean;

/** `frozen`: is this tensor left as it is? Throws UsageError when a weight to train is not f32, and when none is left. */
export function fullTrainable(plan: Plan, backend: Backend, frozen?: Frozen): Trainable {
  const tensors = trainedTensors(plan, frozen);
  const own = new Set<Tensor>(tensors.flatMap(({ weights }) => weights));
  const only = (value: (weight: Tensor) => Tensor) => (weight: Tensor) => (own.has(weight) ? value(weight) : undefined);
  return {
    tensors,
    saved: (value) => savedValues(plan, backend, only(value)),
    load: (value, from) => fillValues(plan, backend, only(value), from),
  };
}

/** As `fullTrainable`, for a plan whose weights need not be in memory yet. */
export function trainedTensors(plan: Plan, frozen: Frozen = () => false): TrainedTensor[] {
  const trained = [...plan.slices].filter(([name]) => !frozen((plan.tensors.get(name) as StoredTensor).name));
  const tensors = trained.map(([name, slices]) => {
    const { name: stored, shape } = plan.tensors.get(name) as StoredTensor;
    const other = slices.find(({ target }) => target.dtype !== 'f32');
    if (other) {
      throw new UsageError(
        `'${stored}' is in memory as ${other.target.dtype}, and only f32 weights are trained: load the model with weights f32 ` +
          `(packed ternary weights have no masters: begin with the dense checkpoint), freeze it, or train a LoRA adapter.`,
      );
    }
    return { name: stored, shape, weights: slices.map(({ target }) => target) };
  });
  const [rounded] = [...plan.packings.keys()].filter((name) => !frozen((plan.tensors.get(name) as StoredTensor).name));
  if (rounded !== undefined) {
    throw new UsageError(
      `'${rounded}' was rounded to 1.58 bits while it was loaded, and its own numbers are not in memory: train with lambda, such as ` +
        `"lambda": { "name": "constant" }, or freeze it.`,
    );
  }
  if (tensors.length === 0) throw new UsageError('all weights are frozen: nothing is left to train.');
  return tensors;
}
