/** Memory of a run, in bytes. Activations are those of a pass on shapes; the rest follows from the numbers of parameters. */
import { byteSize, type ElementType, size } from '../../base/tensor.ts';
import { matrixFormat } from '../../formats/index.ts';
import type { DeclaredModel, DeclaredTensor } from '../../loader/declare.ts';
import type { TrainingConfig } from '../config.ts';
import { parametersIn, trainedTensors } from './parameters.ts';

export interface PlannedMemory {
  /** Weights of the model: masters of the trained ones, f32, and those that stay, in their format. */
  readonly weights: number;
  /** Copies of the trained weights in which passes compute; 0 when they compute with the masters. */
  readonly copies: number;
  readonly gradients: number;
  /** Averages of gradients and of their squares. */
  readonly optimizer: number;
  /** All values of one pass at their most. */
  readonly activations: number;
  readonly total: number;
}

const F32 = 4;
const BF16 = 2;
const MOMENTS = 2; // of AdamW

export function planMemory(
  config: TrainingConfig,
  declared: Pick<DeclaredModel, 'tensors' | 'model'>,
  activations: number,
): PlannedMemory {
  const { tensors } = declared;
  const trained = trainedTensors(config, declared);
  const trainedNames = new Set<string>(trained.map(({ name }) => name));
  const staying = tensors.filter(({ name }) => !trainedNames.has(name));
  const count = parametersIn(trained);
  const memory = {
    weights: count * F32 + staying.reduce((sum, tensor) => sum + stayingBytes(tensor, config), 0),
    copies: config.compute === 'bf16' ? matricesIn(tensors, trainedNames) * BF16 : 0,
    gradients: count * F32,
    optimizer: count * F32 * MOMENTS,
  };
  const total = memory.weights + memory.copies + memory.gradients + memory.optimizer + activations;
  return { ...memory, activations, total };
}

/** Numbers of the trained tensors that have copies: matrices, tables and experts. */
const matricesIn = (tensors: readonly DeclaredTensor[], trained: ReadonlySet<string>): number =>
  parametersIn(tensors.filter(({ name, kind }) => kind !== 'vector' && trained.has(name)));

/** Bytes of a tensor that is not trained; `auto` is the format of the checkpoint, here bf16. */
function stayingBytes({ shape, kind, live }: DeclaredTensor, { weights }: TrainingConfig): number {
  if (kind === 'vector') return size(shape) * F32;
  const packed = matrixFormat(weights);
  const format: ElementType = packed ?? (weights === 'f32' ? 'f32' : weights === 'f16' ? 'f16' : 'bf16');
  return live.reduce((sum, one) => sum + byteSize(one.shape, format), 0);
}
