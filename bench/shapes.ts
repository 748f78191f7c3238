/** The shapes that are measured, by the names under which they are asked for; and checkpoints of them for as long as something runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../src/base/errors.ts';
import { PUBLISHED, type Published, type TensorSpec } from './published.ts';
import { writeSynthetic } from './synthetic.ts';

/** A Mamba of another size, with the vocabulary of its first checkpoints. */
function mamba(id: string, width: number, layers: number): [string, Published] {
  const published = PUBLISHED.get('mamba-7b-rw') as Published;
  const config = {
    ...published.config,
    hidden_size: width,
    intermediate_size: 2 * width,
    n_layer: layers,
    num_hidden_layers: layers,
    time_step_rank: width / 16,
    vocab_size: 50280,
  };
  return [id, { ...published, id, config }];
}

/** By the last part of their ids; the Mamba of 0.74 billion numbers was not published. */
export const SHAPES: ReadonlyMap<string, Published> = new Map([
  ...PUBLISHED,
  mamba('mamba-130m', 768, 24),
  mamba('mamba-0.7b', 2048, 24),
  mamba('mamba-2.8b', 2560, 64),
]);

/** What names a base model at its end may be left away. */
const BASE = '-base';

/** Throws UsageError when there is no such shape. */
export function shapeNamed(name: string): Published {
  const shape = SHAPES.get(name) ?? SHAPES.get(name + BASE);
  if (!shape) throw new UsageError(`there is no shape '${name}'; known are ${[...SHAPES.keys()].join(', ')}.`);
  return shape;
}

/** Embeddings and routers: where rows of them were alike, all tokens would go to the same experts. */
const tellsTokensApart = ({ name }: TensorSpec): boolean => /embed_tokens|router/.test(name);

/** Runs `use` with the folder of a synthetic checkpoint, which is removed when it ends, or the process does. */
export async function withSynthetic<T>(shape: Published, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    writeSynthetic(
      shape,
      join(folder, 'model'),
      'num_local_experts' in shape.config ? { dense: tellsTokensApart } : {},
    );
    return await use(join(folder, 'model'));
  } finally {
    process.off('exit', remove);
    remove();
  }
}
