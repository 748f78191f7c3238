/** The numbers that sense fine-tuning trains: a vector that is added to each selected sense of a token. */

import { floatsOf } from '../../adapters/live.ts';
import type { Backend } from '../../backends/backend.ts';
import { CheckpointError } from '../../base/errors.ts';
import { type Shape, show, size, type Tensor } from '../../base/tensor.ts';
import { pythonJson } from '../../checkpoint/python-json.ts';
import type { StoredTensor } from '../../checkpoint/safetensors.ts';
import { type SavedFile, type SavedTensor, safetensorsBytes } from '../../checkpoint/save.ts';
import type { InterventionFile, InterventionSet } from '../../interventions/intervention.ts';
import type { LanguageModel, Site } from '../../models/model.ts';
import { noTaps, type Taps } from '../../models/tap.ts';
import type { Ops } from '../../ops/index.ts';
import type { Trainable, TrainedTensor } from '../trainable.ts';
import type { SelectedSense } from './selection.ts';
import { SENSE_VECTORS } from './sites.ts';

/** Name of all added vectors together, [N, M]. */
export const CHANGES = 'senses.add';
const KEPT = `kept.${CHANGES}`;
/** Files of the result; `--interventions` takes the first. */
const FILE = 'senses.json';
const VECTORS = 'senses.safetensors';

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** Taps of a pass over these sequences, which add the rows of `added`[N, M] to the selected senses. Z: senses of a token. */
export function senseTaps(
  ops: Ops,
  sequences: readonly ArrayLike<number>[],
  { selected, z, added }: { readonly selected: readonly SelectedSense[]; readonly z: number; readonly added: Tensor },
): Taps {
  const [, width = 0] = added.shape;
  const place = new Map(selected.map(({ token, sense }, n) => [token * z + sense, n + 1]));
  const ids = sequences.flatMap((sequence) => Array.from(sequence));
  const at = Int32Array.from(ids.flatMap((id) => Array.from({ length: z }, (_, l) => place.get(id * z + l) ?? 0)));
  const change = (x: Tensor): Tensor => {
    // The first row is for senses that were not selected. Its gradient ends here.
    const rows = ops.concat([ops.zeros([1, width]), added]);
    return ops.add(x, ops.reshape(ops.gather(rows, ops.upload(at, [at.length])), x.shape));
  };
  const sees: Taps['sees'] = ({ name }) => name === SENSE_VECTORS;
  return Object.assign((site: Site, x: Tensor) => (sees(site) ? change(x) : x), { ...noTaps, sees });
}

export class SenseChanges implements Trainable {
  readonly selected: readonly SelectedSense[];
  readonly tensors: readonly TrainedTensor[];
  readonly #backend: Backend;
  readonly #added: Tensor;
  readonly #z: number;
  /** Numbers of the epoch that is the result so far; zeros at first, which change nothing. */
  #kept: Float32Array;

  /** Allocates the vectors, all zero. */
  constructor(model: LanguageModel, backend: Backend, selected: readonly SelectedSense[]) {
    const shape: Shape = [selected.length, model.facts.dModel];
    this.selected = selected;
    this.#backend = backend;
    this.#z = model.senses?.count as number;
    this.#added = backend.allocate(shape, 'f32');
    this.#kept = new Float32Array(size(shape));
    this.tensors = [{ name: CHANGES, shape, weights: [this.#added] }];
  }

  readonly taps = (ops: Ops, sequences: readonly ArrayLike<number>[]): Taps =>
    senseTaps(ops, sequences, { selected: this.selected, z: this.#z, added: this.#added });

  /** Makes the present numbers the result. */
  async keep(): Promise<void> {
    this.#kept = await this.#read(this.#added);
  }

  saved(value: (weight: Tensor) => Tensor): SavedTensor[] {
    const bytes = async function* (this: SenseChanges) {
      yield bytesOf(await this.#read(value(this.#added)));
    };
    return [{ name: CHANGES, shape: this.#added.shape, dtype: 'F32', bytes: bytes.bind(this) }];
  }

  async load(value: (weight: Tensor) => Tensor, from: ReadonlyMap<string, StoredTensor>): Promise<void> {
    const bytes = bytesOf(await this.#stored(CHANGES, from));
    const [rows = 0, columns = 0] = this.#added.shape;
    const block = { row: 0, column: 0, rows, columns, dtype: 'f32' as const, transposed: false };
    await this.#backend.fill(value(this.#added), { ...block, bytes });
  }

  /** The present numbers and those of the result, for going on later. */
  state(): SavedTensor[] {
    const kept = bytesOf(this.#kept);
    return [
      ...this.saved((weight) => weight),
      { name: KEPT, shape: this.#added.shape, dtype: 'F32', bytes: () => [kept] },
    ];
  }

  async restore(from: ReadonlyMap<string, StoredTensor>): Promise<void> {
    this.#kept = await this.#stored(KEPT, from);
    await this.load((weight) => weight, from);
  }

  /** The result, as `interventions` of generate, score and others take it. */
  interventions(): Required<InterventionSet> {
    const width = this.#added.shape[1] as number;
    const name = ({ token, sense }: SelectedSense) => `token${token}.sense${sense}`;
    return {
      version: 1,
      vectors: new Map(
        this.selected.map((one, n) => [
          name(one),
          { shape: [width], dtype: 'f32', data: this.#kept.slice(n * width, (n + 1) * width) },
        ]),
      ),
      interventions: this.selected.map((one) => ({ senses: one, add: { vector: name(one) } })),
    };
  }

  /** The result as files of interventions. */
  files(): SavedFile[] {
    const { vectors, interventions } = this.interventions();
    const file: InterventionFile = { version: 1, vectors: VECTORS, interventions };
    const tensors = [...vectors].map(([name, { shape, data }]): SavedTensor => {
      const bytes = bytesOf(data as Float32Array);
      return { name, shape, dtype: 'F32', bytes: () => [bytes] };
    });
    const json = new TextEncoder().encode(pythonJson(file as unknown as { readonly [key: string]: unknown }));
    return [
      { name: VECTORS, bytes: () => safetensorsBytes(tensors) },
      { name: FILE, bytes: () => [json] },
    ];
  }

  dispose(): void {
    this.#backend.free(this.#added);
  }

  async #read(x: Tensor): Promise<Float32Array> {
    return ((await this.#backend.read(x)) as Float32Array).slice();
  }

  async #stored(name: string, from: ReadonlyMap<string, StoredTensor>): Promise<Float32Array> {
    const stored = from.get(name);
    if (!stored) throw new CheckpointError(`the values of '${name}' are missing.`);
    if (show(stored.shape) !== show(this.#added.shape))
      throw new CheckpointError(
        `'${name}' is ${show(stored.shape)} in ${stored.file}, wanted ${show(this.#added.shape)}.`,
      );
    return floatsOf(stored);
  }
}
