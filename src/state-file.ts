/**
 * A state as one safetensors file: its tensors, the ids that were read, and in the metadata which model it is of. A state means nothing to
 * another model, nor to the same one with weights of another format.
 */
import { readMetadata, readSafetensors } from './checkpoint/safetensors.ts';
import { safetensorsBytes } from './checkpoint/save.ts';
import type { Source } from './checkpoint/source.ts';
import { CheckpointError, quote } from './errors.ts';
import type { Model } from './model.ts';
import type { State } from './models/state.ts';
import { I8_SCALE_BYTES, rows, type Shape, size, type TypedArray } from './tensor.ts';

const FORMAT = 'portmanteau-state';

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => new Uint8Array(buffer, byteOffset, byteLength);

/** The bytes of a file from which `readState` makes the same state again. */
export async function stateBytes(model: Model, state: State): Promise<AsyncIterable<Uint8Array>> {
  const { ids, tensors } = await state.save();
  const read = Int32Array.from(ids);
  const saved = [
    { name: 'ids', shape: [read.length], dtype: 'I32' as const, bytes: () => [bytesOf(read)] },
    ...[...tensors].map(([name, { shape, data }]) => ({
      name: `state.${name}`,
      ...stored(shape, data),
      bytes: () => [bytesOf(data)],
    })),
  ];
  const { family } = model;
  return safetensorsBytes(saved, { format: FORMAT, family, weights: formats(model), model: await fingerprint(model) });
}

/** What a file tells of the state in it. */
export interface StateDescription {
  readonly family: string;
  /** The tokens that were read. */
  readonly ids: readonly number[];
}

/** Without its tensors; undefined when the file holds no state. */
export async function describeStateOf(source: Source): Promise<StateDescription | undefined> {
  try {
    const { format, family } = await readMetadata(source);
    if (format !== FORMAT || typeof family !== 'string') return undefined;
    const stored = (await readSafetensors(source)).find(({ name, dtype }) => name === 'ids' && dtype === 'I32');
    const bytes = new Uint8Array(stored?.byteLength ?? 0);
    await stored?.read(0, bytes);
    return { family, ids: [...new Int32Array(bytes.buffer)] };
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

/** Throws CheckpointError when the file is damaged, holds no state, or that of another model. */
export async function readState(model: Model, source: Source): Promise<State> {
  const { format, family, weights, model: identity } = await readMetadata(source);
  if (format !== FORMAT) throw new CheckpointError(`${source.name} holds no saved state.`);
  if (identity !== (await fingerprint(model))) {
    const here = `${model.family} with ${formats(model)} weights`;
    throw new CheckpointError(
      `${source.name} is the state of another model: ${words(family)} with ${words(weights)} weights, and this is ${here}. ` +
        'A state goes with its own checkpoint and weight format only.',
    );
  }
  const tensors = new Map<string, { shape: Shape; data: TypedArray }>();
  let ids: number[] = [];
  for (const { name, shape, dtype, byteLength, read } of await readSafetensors(source)) {
    const bytes = new Uint8Array(byteLength);
    await read(0, bytes);
    if (name === 'ids' && dtype === 'I32') ids = [...new Int32Array(bytes.buffer)];
    else if (name.startsWith('state.') && (dtype === 'F32' || dtype === 'F16' || dtype === 'I8'))
      tensors.set(name.slice('state.'.length), restored(shape, dtype, bytes));
    else throw new CheckpointError(`${source.name} has a tensor '${name}' of ${dtype}, which no saved state has.`);
  }
  const { vocabSize } = model.engine.model.facts;
  const unknown = ids.find((id) => id < 0 || id >= vocabSize);
  if (unknown !== undefined)
    throw new CheckpointError(`${source.name} has read id ${unknown}, which this model lacks.`);
  const state = model.newState();
  try {
    await state.load({ ids, tensors });
    return state;
  } catch (error) {
    state.dispose();
    throw error;
  }
}

/** Shape and type in the file: rows of i8 are as long as their bytes. */
function stored(shape: Shape, data: TypedArray) {
  if (data instanceof Float32Array) return { shape, dtype: 'F32' as const };
  if (data instanceof Uint16Array) return { shape, dtype: 'F16' as const };
  return { shape: [...shape.slice(0, -1), (shape.at(-1) ?? 0) + I8_SCALE_BYTES], dtype: 'I8' as const };
}

function restored(shape: Shape, dtype: 'F32' | 'F16' | 'I8', { buffer }: Uint8Array<ArrayBuffer>) {
  if (dtype === 'F32') return { shape, data: new Float32Array(buffer) };
  if (dtype === 'F16') return { shape, data: new Uint16Array(buffer) };
  return { shape: [...shape.slice(0, -1), (shape.at(-1) ?? 0) - I8_SCALE_BYTES], data: new Int8Array(buffer) };
}

/** Formats of the weights in memory, as in `bf16, f32`. */
function formats({ opened }: Model): string {
  const all = [...opened.plan.pieces.values()].flat().map(({ target }) => target.dtype);
  return [...new Set(all)].sort().join(', ');
}

/** Out of a file, as it stands in a message. */
const words = (value: unknown) => quote(value).replaceAll('"', '');

/** Tells models apart: a digest of the config, of every weight's name, shape and format, and of the first numbers of most. */
async function fingerprint({ opened, engine }: Model): Promise<string> {
  const pieces = [...opened.plan.pieces].flatMap(([name, all]) => all.map(({ target }) => ({ name, target })));
  const about = pieces.map(({ name, target: { dtype, shape } }) => [name, dtype, shape]);
  const parts: Uint8Array[] = [new TextEncoder().encode(JSON.stringify([opened.family, opened.config, about]))];
  for (const { target } of pieces) {
    const isPlain = ['f32', 'f16', 'bf16'].includes(target.dtype); // rows of packed formats cannot be read alone
    if (isPlain && size(target.shape) > 0) parts.push(bytesOf(await engine.backend.read(rows(target, 0, 1))));
  }
  const digest = await crypto.subtle.digest(
    'SHA-256',
    await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
  );
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
