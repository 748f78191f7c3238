/** The shapes that are measured, by the names under which they are asked for; and checkpoints of them for as long as something runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../src/errors.ts';
import { PUBLISHED, type Published } from './published.ts';
import { writeSynthetic } from './synthetic.ts';

/** A size for comparison, 0.74 billion numbers, in which nothing was published. */
function mamba0_7b(): Published {
  const published = PUBLISHED.get('mamba-7b-rw') as Published;
  const config = {
    ...published.config,
    hidden_size: 2048,
    intermediate_size: 4096,
    n_layer: 24,
    num_hidden_layers: 24,
    time_step_rank: 128,
    vocab_size: 50280,
  };
  return { ...published, id: 'mamba-0.7b', config };
}

/** By the last part of their ids. */
export const SHAPES: ReadonlyMap<string, Published> = new Map([...PUBLISHED, ['mamba-0.7b', mamba0_7b()]]);

/** What names a base model at its end may be left away. */
const BASE = '-base';

/** Throws UsageError when there is no such shape. */
export function shapeNamed(name: string): Published {
  const shape = SHAPES.get(name) ?? SHAPES.get(name + BASE);
  if (!shape) throw new UsageError(`there is no shape '${name}'; known are ${[...SHAPES.keys()].join(', ')}.`);
  return shape;
}

/** Runs `use` with the folder of a synthetic checkpoint, which is removed when it ends, or the process does. */
export async function withSynthetic<T>(shape: Published, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'portmanteau-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    writeSynthetic(shape, join(folder, 'model'));
    return await use(join(folder, 'model'));
  } finally {
    process.off('exit', remove);
    remove();
  }
}
