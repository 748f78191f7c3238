/**
 * Vectors as one safetensors file, whose metadata says which model they were made with, and of what. A model of other sizes cannot use them; one
 * of the same sizes with other weights can, and is told.
 */
import { CheckpointError, quote, UsageError } from '../base/errors.ts';
import { readMetadata } from '../checkpoint/safetensors.ts';
import { safetensorsBytes } from '../checkpoint/save.ts';
import type { Source } from '../checkpoint/source.ts';
import type { VectorTensor } from '../interventions/intervention.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Engine } from '../runtime/engine.ts';
import { identityOf } from '../runtime/model-identity.ts';

const FORMAT = 'portmanteau-vectors';

/** Facts on which the sites depend that vectors are of. */
const SIZES = ['dModel', 'nLayers'] as const;

/** How vectors were made, as the file tells it: texts, such as their method and the hashes of the texts. */
export type VectorNotes = Readonly<Record<string, string>>;

/** The bytes of a file of vectors of a loaded model. */
export async function vectorBytes(
  { opened, engine }: { readonly opened: OpenedModel; readonly engine: Engine },
  vectors: ReadonlyMap<string, VectorTensor>,
  notes: VectorNotes,
): Promise<AsyncIterable<Uint8Array>> {
  const { family, weights, facts, digest } = await identityOf(opened, engine.backend);
  const saved = [...vectors].map(([name, { shape, dtype, data }]) => {
    if (dtype !== 'f32') throw new UsageError(`vector '${name}' is ${dtype}; only f32 is saved.`);
    return {
      name,
      shape,
      dtype: 'F32' as const,
      bytes: () => [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
    };
  });
  const model = { family, weights, facts: JSON.stringify(facts), model: digest };
  return safetensorsBytes(saved, { ...notes, ...model, format: FORMAT });
}

/**
 * Before the weights are loaded. Throws CheckpointError when the vectors are of a model with other sizes; gives a warning when they are of other
 * weights, and undefined when all is well, or the file says nothing of a model.
 */
export async function checkVectors(opened: OpenedModel, source: Source): Promise<string | undefined> {
  const { format, family, weights, facts, model } = await readMetadata(source);
  if (format !== FORMAT) return undefined;
  const here = await identityOf(opened);
  if (family !== here.family)
    throw new CheckpointError(
      `${source.name} has vectors of ${quote(family)}, and this model is ${here.family}: make them with this model.`,
    );
  const saved = factsOf(facts);
  const other = SIZES.find((key) => saved[key] !== here.facts[key]);
  if (other !== undefined)
    throw new CheckpointError(
      `${source.name} has vectors of another model: its ${other} is ${quote(saved[other])}, and this one's ${quote(here.facts[other])}. Make them with this model.`,
    );
  if (model === here.digest || weights !== here.weights) return undefined; // weights in another format cannot be compared
  return `${source.name} has vectors of a model with other weights; what they do to this one may be something else.`;
}

function factsOf(text: unknown): Record<string, unknown> {
  try {
    return Object(JSON.parse(String(text))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
