/** What a run trains: live tensors with the names of the checkpoint, and how values that belong to them are written to files. */
import type { Shape, Tensor } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { SavedTensor } from '../checkpoint/save.ts';

export interface TrainedTensor {
  /** As in the checkpoint. */
  readonly name: string;
  /** As in the checkpoint; that of the live tensors can differ. */
  readonly shape: Shape;
  /** The live f32 tensors that hold it: one, or several where a model divides a stored tensor. */
  readonly weights: readonly Tensor[];
}

export interface Trainable {
  readonly tensors: readonly TrainedTensor[];
  /** Values of the live tensors, f32 and of their shapes, as tensors of the checkpoint. */
  saved(value: (weight: Tensor) => Tensor): SavedTensor[];
  /** Fills values of the live tensors from a file that `saved` has written. Throws CheckpointError when a tensor is missing or has another shape. */
  load(value: (weight: Tensor) => Tensor, from: ReadonlyMap<string, StoredTensor>): Promise<void>;
}
