/** What tools/reference/make_senses.py wrote, and models to compare with it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Model } from '../../../src/api/model.ts';
import type { Backend } from '../../../src/backends/backend.ts';
import { createReferenceBackend } from '../../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../../src/backends/wasm/platform-node.ts';
import { localFolder } from '../../../src/checkpoint/folder-node.ts';
import { openModel } from '../../../src/loader/open.ts';
import { readGolden } from '../../goldens.ts';

type Ends = readonly [ids: readonly number[], values: readonly number[]];

interface SimilarityRow {
  readonly senses: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly 'min-any': number;
  readonly 'max-any': number;
  readonly flat: number;
}

export interface SenseGolden {
  readonly model: string;
  readonly lookups: readonly { token: number; senses: readonly { top: Ends; bottom: Ends }[] }[];
  readonly similarities: readonly (SimilarityRow & { pair: readonly [number, number] })[];
  readonly nearest: readonly { token: number; by: Readonly<Record<string, Ends>> }[];
  readonly decompositions: readonly {
    ids: readonly number[];
    target: number;
    against: number | null;
    parts: readonly (readonly number[])[];
    logit: number;
    text?: string;
    words?: readonly [string, string];
  }[];
  readonly edits: readonly {
    ids: readonly number[];
    word: number;
    remove: number;
    add: number;
    strength: number;
    senses: readonly number[];
    logits: readonly number[];
  }[];
  readonly topics: readonly {
    ids: readonly number[];
    targets: readonly number[];
    strength: readonly [number, number, number, number];
    scores: readonly (readonly number[])[];
    bounds: readonly number[];
    factors: readonly (readonly number[])[];
    logits: readonly number[];
  }[];
  readonly pairs?: {
    pairs: readonly (readonly [string, string, number])[];
    scores: Readonly<Record<'average' | 'first', SimilarityRow>>;
  };
  readonly bias?: {
    data: { words: string[]; prompts: string[]; fitPrompts: string[]; pair: [string, string] };
    sense: number;
    words: readonly {
      id: number;
      factor: number;
      original: number;
      removed: number;
      fitted: number;
      loss: number;
      fit: readonly (readonly [difference: number, sense: number])[];
    }[];
  };
}

interface Goldens {
  readonly models: readonly SenseGolden[];
  readonly simplexes: readonly {
    name: string;
    start: readonly number[];
    x: readonly number[];
    value: number;
    iterations: number;
    evaluations: number;
    converged: boolean;
  }[];
  readonly ranks: readonly {
    a: readonly number[];
    b: readonly number[];
    ranks: readonly number[];
    rho: number | null;
  }[];
}

const file = fileURLToPath(new URL('../../golden/senses.json', import.meta.url));

export const goldens = JSON.parse(readFileSync(file, 'utf8')) as Goldens;

/** On the reference backend, which sums in double precision, or in WebAssembly, which is faster. */
export async function loadGolden(name: string, backend?: Backend): Promise<Model> {
  const opened = await openModel(localFolder((await readGolden(name)).folder), { weights: 'f32' });
  return Model.load(opened, backend ?? createReferenceBackend());
}

export const newWasm = (): Promise<Backend> => createWasmBackend({ platform: nodePlatform, threads: 2 });

/** Numbers in single precision against those of another program. */
export const TOLERANCE = 1e-4;

export function expectClose(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = TOLERANCE): void {
  expect(found.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    if (!(Math.abs((found[i] as number) - (wanted[i] as number)) <= tolerance))
      expect.fail(`number ${i} is ${found[i]}, wanted ${wanted[i]}`);
}
