/**
 * A state as one safetensors file: its tensors, the ids that were read, and in the metadata the identity of the model. It can only be used
 * with the same model in the same weight format.
 */

import { CheckpointError, quote } from '../base/errors.ts';
import type { Shape, TypedArray } from '../base/tensor.ts';
import { readMetadata, readSafetensors } from '../checkpoint/safetensors.ts';
import { safetensorsBytes } from '../checkpoint/save.ts';
import type { Source } from '../checkpoint/source.ts';
import { I8_SCALE_BYTES, i8Rows } from '../formats/i8-rows.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Engine } from './engine.ts';
import { type Identity, identityOf } from './model-identity.ts';
import type { State } from './state.ts';

const FORMAT = 'portmanteau-state';

/** A loaded model, whose states are saved. */
interface Owner {
  readonly opened: OpenedModel;
  readonly engine: Engine;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) => new Uint8Array(buffer, byteOffset, byteLength);

/** Serialises a state; `readState` restores it. */
export async function stateBytes(model: Owner, state: State): Promise<AsyncIterable<Uint8Array>> {
  const { ids, tensors, interventions } = await state.save();
  const read = Int32Array.from(ids);
  const saved = [
    { name: 'ids', shape: [read.length], dtype: 'I32' as const, bytes: () => [bytesOf(read)] },
    ...[...tensors].map(([name, { shape, data }]) => ({
      name: `state.${name}`,
      ...stored(shape, data),
      bytes: () => [bytesOf(data)],
    })),
  ];
  const { family, weights, facts, digest } = await identityOf(model.opened, model.engine.backend);
  return safetensorsBytes(saved, {
    ...{ format: FORMAT, family, weights, facts: JSON.stringify(facts), model: digest },
    ...(interventions ? { interventions } : {}),
  });
}

/**
 * Checks a state file before the weights of the model are loaded. Throws CheckpointError, with the difference, when it is not a state of
 * this model.
 */
export async function checkState(opened: OpenedModel, source: Source): Promise<void> {
  await compare(source, await identityOf(opened));
}

/** The metadata of a saved state. */
export interface StateDescription {
  readonly family: string;
  /** The tokens that were read. */
  readonly ids: readonly number[];
  /** The interventions it was read under, as `State.provenance` gives them; empty for none. */
  readonly interventions: string;
}

/** Reads the description without the tensors; undefined when the file holds no state. */
export async function describeStateOf(source: Source): Promise<StateDescription | undefined> {
  try {
    const { format, family, interventions } = await readMetadata(source);
    if (format !== FORMAT || typeof family !== 'string') return undefined;
    const stored = (await readSafetensors(source)).find(({ name, dtype }) => name === 'ids' && dtype === 'I32');
    const bytes = new Uint8Array(stored?.byteLength ?? 0);
    await stored?.read(0, bytes);
    const made = typeof interventions === 'string' ? interventions : '';
    return { family, ids: [...new Int32Array(bytes.buffer)], interventions: made };
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

/** Restores a state. Throws CheckpointError when the file is damaged, holds no state, or the state of another model. */
export async function readState(model: Owner, source: Source): Promise<State> {
  await compare(source, await identityOf(model.opened, model.engine.backend));
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
  const state = model.engine.newState();
  try {
    const { interventions } = await readMetadata(source);
    await state.load({ ids, tensors, ...(typeof interventions === 'string' ? { interventions } : {}) });
    return state;
  } catch (error) {
    state.dispose();
    throw error;
  }
}

async function compare(source: Source, here: Identity): Promise<void> {
  const { format, family, weights, facts, model } = await readMetadata(source);
  if (format !== FORMAT)
    throw new CheckpointError(
      `${source.name} holds no saved state: wanted a file that saveState or 'run --save-state' wrote.`,
    );
  if (model === here.digest) return;
  throw new CheckpointError(
    `${source.name} is the state of another model: ${difference({ family, weights, facts }, here)}. A state goes with its own ` +
      'checkpoint and weight format only.',
  );
}

/** The first difference between two models. The values of a file are not trusted to have the right types. */
function difference(saved: Readonly<Record<string, unknown>>, here: Identity): string {
  if (saved.family !== here.family) return `it is of ${words(saved.family)}, and this is ${here.family}`;
  const facts = factsOf(saved.facts);
  const keys = Object.keys({ ...facts, ...here.facts });
  const other = keys.filter((key) => JSON.stringify(facts[key]) !== JSON.stringify(here.facts[key]));
  if (other.length > 0) {
    const list = other
      .slice(0, 4)
      .map((key) => `${quote(key, 30)} is ${quote(facts[key])}, here ${quote(here.facts[key])}`);
    return `${list.join('; ')}${other.length > 4 ? '; …' : ''}`;
  }
  if (saved.weights !== here.weights) return `its weights are ${words(saved.weights)}, here ${here.weights}`;
  return 'it has the same shape, but other weights';
}

function factsOf(text: unknown): Readonly<Record<string, unknown>> {
  try {
    const facts: unknown = JSON.parse(String(text));
    return typeof facts === 'object' && facts !== null ? (facts as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A value from a file, formatted for a message. */
const words = (value: unknown) => quote(value).replaceAll('"', '');

/** Shape and type in the file; i8 rows are stored as bytes. */
function stored(shape: Shape, data: TypedArray) {
  if (data instanceof Float32Array) return { shape, dtype: 'F32' as const };
  if (data instanceof Uint16Array) return { shape, dtype: 'F16' as const };
  return { shape: i8Rows.storedShape(shape), dtype: 'I8' as const };
}

function restored(shape: Shape, dtype: 'F32' | 'F16' | 'I8', { buffer }: Uint8Array<ArrayBuffer>) {
  if (dtype === 'F32') return { shape, data: new Float32Array(buffer) };
  if (dtype === 'F16') return { shape, data: new Uint16Array(buffer) };
  return { shape: [...shape.slice(0, -1), (shape.at(-1) ?? 0) - I8_SCALE_BYTES], data: new Int8Array(buffer) };
}
