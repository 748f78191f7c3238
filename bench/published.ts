/**
 * The published checkpoints that this library was made for, as far as a loader sees them: config.json, and names, shapes and types of all tensors
 * in their order, and the files they lie in. Facts from the files on huggingface.co; they are data: `published/models.json`, and
 * `published/layouts.json`, where a row is [name, type, shape, name of the tensor of which it is a copy].
 *
 * Rows with {i} in their names come again for each layer. Lengths are sums of products of numbers and keys of config.json; division rounds down.
 * Of levanter-backpack-1b the files were not at hand: it is what Levanter's exporter writes for its published training configuration. The config
 * of the ternary Llama has `quantization_config` twice, of which the last counts.
 */
import { readFileSync } from 'node:fs';
import { UsageError } from '../src/base/errors.ts';
import type { StoredDType } from '../src/checkpoint/safetensors.ts';
import type { JsonObject } from '../src/models/config.ts';

export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: StoredDType;
  /** Name of the tensor of which this is a second copy. */
  readonly copyOf?: string;
}

export interface Published {
  /** On huggingface.co. */
  readonly id: string;
  readonly config: JsonObject;
  readonly generationConfig?: JsonObject;
  /** By its name in layouts.json. */
  readonly layout: string;
  readonly file: 'model.safetensors' | 'pytorch_model.bin';
  /** Tensors are laid into files in their order; a file that would grow beyond this ends before. Without it there is one file. */
  readonly shardBytes?: number;
}

type Row = readonly [name: string, dtype: StoredDType, shape: readonly string[], copyOf?: string];

interface Layout {
  /** The key of config.json that has the number of layers. */
  readonly layers: string;
  readonly tensors: readonly Row[];
}

const read = (file: URL): unknown => JSON.parse(readFileSync(file, 'utf8'));

const layouts = read(new URL('./published/layouts.json', import.meta.url)) as Readonly<Record<string, Layout>>;

/** By the last part of their ids. */
export const PUBLISHED: ReadonlyMap<string, Published> = new Map(
  Object.entries(read(new URL('./published/models.json', import.meta.url)) as Record<string, Published>),
);

/** All tensors of a checkpoint with this config, which may have other numbers than the published one. */
export function tensorsOf({ layout }: Published, config: JsonObject): TensorSpec[] {
  const { layers, tensors } = layouts[layout] as Layout;
  const isOfLayer = ([name]: Row) => name.includes('{i}');
  const first = tensors.findIndex(isOfLayer);
  const last = tensors.findLastIndex(isOfLayer);
  const numbers = Array.from({ length: length(config, layers) }, (_, i) => String(i));
  return [
    ...tensors.slice(0, first).map((row) => spec(config, row)),
    ...numbers.flatMap((i) => tensors.slice(first, last + 1).map((row) => spec(config, row, i))),
    ...tensors.slice(last + 1).map((row) => spec(config, row)),
  ];
}

function spec(config: JsonObject, [name, dtype, shape, copyOf]: Row, layer = ''): TensorSpec {
  const lengths = shape.map((text) => length(config, text));
  return { name: name.replace('{i}', layer), shape: lengths, dtype, ...(copyOf === undefined ? {} : { copyOf }) };
}

/** `time_step_rank+2*state_size` */
function length(config: JsonObject, text: string): number {
  const terms = text.split('+').map((term) =>
    [...term.matchAll(/([*/]?)([^*/]+)/g)].reduce((product, [, operator, factor = '']) => {
      const value = /^\d+$/.test(factor) ? Number(factor) : config[factor];
      if (typeof value !== 'number')
        throw new UsageError(`the config has '${factor}': ${String(value)}, wanted a number.`);
      return operator === '/' ? Math.floor(product / value) : product * value;
    }, 1),
  );
  return terms.reduce((sum, term) => sum + term, 0);
}
