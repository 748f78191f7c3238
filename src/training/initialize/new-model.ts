/** A new model as the files of a checkpoint, from which training starts as from any other. */
import { pythonJson } from '../../checkpoint/python-json.ts';
import { checkpointFiles, type SavedFile, type SavedTensor } from '../../checkpoint/save.ts';
import { type DeclaredModel, declareModel } from '../../loader/declare.ts';
import { normedConfig } from '../../loader/quantization.ts';
import { checkSection, type InputOf } from '../../options/section.ts';
import { INITIALIZE } from './rules.ts';
import { initialValues } from './values.ts';

export interface NewModelOptions {
  /** config.json of the model. */
  readonly config: { readonly [key: string]: unknown };
  /** As `initialize.rules` of a configuration of training. */
  readonly rules: InputOf<typeof INITIALIZE>['rules'];
  /** A whole number from 0 to 2^53 - 1. */
  readonly seed: number;
  /** A norm before each linear map: see src/training/inner-norm.ts. */
  readonly innerNorm?: boolean | undefined;
}

export interface NewModel extends DeclaredModel {
  /** config.json and the weights, f32; their bytes are made while they are written. */
  readonly files: readonly SavedFile[];
}

/**
 * Throws before anything is written: CheckpointError for a config.json that no family understands, UsageError for wrong rules, and for rules that do
 * not name every tensor.
 */
export function newModel({ config, rules, seed, innerNorm = false }: NewModelOptions): NewModel {
  const declared = declareModel(config, undefined, { innerNorm });
  const checked = checkSection('newModel', { rules }, INITIALIZE);
  const valuesOf = initialValues(checked.rules, seed, declared.tensors);
  const tensors = declared.tensors.map((tensor): SavedTensor => {
    const { name, shape } = tensor;
    return { name, shape, dtype: 'F32', bytes: () => bytesOf(valuesOf(tensor)) };
  });
  const json = new TextEncoder().encode(
    pythonJson({ ...(innerNorm ? normedConfig(config) : config), torch_dtype: 'float32' }),
  );
  const files = [
    { name: 'config.json', bytes: () => [json] },
    ...checkpointFiles(tensors, { metadata: { format: 'pt' } }),
  ];
  return { ...declared, files };
}

function* bytesOf(blocks: Iterable<Float32Array>): Generator<Uint8Array> {
  for (const { buffer, byteOffset, byteLength } of blocks) yield new Uint8Array(buffer, byteOffset, byteLength);
}
