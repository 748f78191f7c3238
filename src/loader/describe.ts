/** Describes a model without reading its weights: tensors, files, memory. */

import { byteSize, type Shape, size } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { KEY_VALUE_DTYPE, type KeyValueFormat } from '../formats/key-values.ts';
import type { Site } from '../models/model.ts';
import type { GenerationDefaults } from '../sampler/generation-config.ts';
import type { WeightFormat } from './formats.ts';
import type { OpenedModel } from './open.ts';
import { fused, isStoredPacked } from './packed.ts';
import type { Slice } from './plan.ts';

export interface ModelDescription {
  readonly family: string;
  /** config.json as this library understands it. */
  readonly facts: object;
  readonly parameters: number;
  readonly parts: readonly PartDescription[];
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes of the weights in memory, for each format that suits the checkpoint; `auto` is the format that would be chosen. */
  readonly weightBytes: Readonly<Partial<Record<WeightFormat, number>>>;
  /** Expected peak memory of the process in bytes, for a short text; a longer text adds its state. */
  readonly peakBytes: Readonly<Partial<Record<WeightFormat, number>>>;
  /** In the chosen format of the KV cache. */
  readonly stateBytesPerToken: number;
  /** Bytes of a recurrent state. */
  readonly stateBytesFixed: number;
  /** What generation_config.json asks for. */
  readonly generation: GenerationDescription;
  readonly sites: readonly Site[];
}

export interface GenerationDescription
  extends Pick<GenerationDefaults, 'source' | 'samples' | 'options' | 'unsupported'> {
  /** Ids that end generation. */
  readonly endIds: readonly number[];
}

export interface PartDescription {
  /** A tensor name, with `*` for the number of a layer. */
  readonly name: string;
  readonly count: number;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly parameters: number;
}

/** Memory of Node, this library and the activations of a step, and what each thread adds; measured on Node 20. */
const PROCESS_BYTES = 72e6;
const THREAD_BYTES = 10e6;

/** Bytes that a process takes in addition to weights and states. */
export const expectedBytesBeside = (threads: number): number => PROCESS_BYTES + threads * THREAD_BYTES;

/** As above, with a recurrent state and the buffers that loading needs. */
const bytesBeside = ({ model, plan }: OpenedModel, threads: number): number =>
  expectedBytesBeside(threads) +
  plan.passingBytes +
  model.stateLayout.reduce((sum, { shape, grows }) => sum + (grows ? 0 : byteSize(shape, 'f32')), 0);

/** `peakBytes` of the format that the model was opened in, without computing those of other formats. */
export const expectedPeakBytes = (opened: OpenedModel, threads: number): number =>
  opened.plan.bytes + bytesBeside(opened, threads);

/** `threads`: number of threads the model would run on; `keyValues`: format of its KV cache. */
export function describe(opened: OpenedModel, threads = 1, keyValues: KeyValueFormat = 'f32'): ModelDescription {
  const parts = partsOf(opened);
  const stateBytes = (grows: boolean) =>
    opened.model.stateLayout
      .filter((t) => t.grows === grows)
      .reduce((sum, { shape }) => sum + byteSize(shape, grows ? KEY_VALUE_DTYPE[keyValues] : 'f32'), 0);
  const weightBytes = opened.formats.map(
    (format) => [format, format === 'auto' ? opened.plan.bytes : opened.bytesIn(format)] as const,
  );
  const inEveryFormat = (bytes: (weights: number) => number) =>
    Object.fromEntries(weightBytes.map(([format, weights]) => [format, bytes(weights)])) as Partial<
      Record<WeightFormat, number>
    >;
  const beside = bytesBeside(opened, threads);
  return {
    family: opened.family,
    facts: opened.model.facts,
    parameters: parts.reduce((sum, { parameters }) => sum + parameters, 0),
    parts,
    files: opened.checkpoint.files.map(({ name, size: bytes }) => ({ name, bytes })),
    weightBytes: inEveryFormat((weights) => weights),
    peakBytes: inEveryFormat((weights) => weights + beside),
    stateBytesPerToken: stateBytes(true),
    stateBytesFixed: stateBytes(false),
    generation: generationOf(opened),
    sites: opened.model.sites,
  };
}

function generationOf({ generation, endIds }: OpenedModel): GenerationDescription {
  const { source, samples, options, unsupported } = generation;
  const said = Object.keys(options).length > 0 || samples || unsupported.length > 0;
  return { source: said ? source : undefined, samples, options, unsupported, endIds: [...endIds] };
}

/** Replaces the layer number in a tensor name by `*`. */
export const partName = (name: string): string => name.replace(/\.\d+\./g, '.*.');

/** The tensors that the model reads, grouped over layers. Packed tensors count their weights, not their bytes. */
function partsOf({ plan }: OpenedModel): PartDescription[] {
  const parts = new Map<string, PartDescription>();
  for (const [name, stored] of plan.tensors) {
    if (!plan.reads(name)) continue;
    const { shape, dtype } = unpacked(stored, plan.slices.get(name));
    const part = partName(name);
    const before = parts.get(part);
    const parameters = size(shape) + (before?.parameters ?? 0);
    parts.set(part, {
      name: part,
      count: (before?.count ?? 0) + 1,
      shape,
      dtype,
      parameters,
    });
  }
  return [...parts.values()];
}

/** Shape and format of a packed tensor as weights: the rows of all its slices. */
function unpacked(stored: StoredTensor, slices: readonly Slice[] = []): { shape: Shape; dtype: string } {
  const [first] = slices;
  if (!first || !isStoredPacked(stored, first.target.dtype)) return stored;
  return { shape: fused(slices.map(({ target }) => target.shape)), dtype: String(first.target.dtype) };
}
