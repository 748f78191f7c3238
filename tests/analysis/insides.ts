/** Models and goldens of analyses: see tools/reference/make_scans.py, make_routing.py and make_ternary.py. */
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { type OpenedModel, openModel } from '../../src/loader/open.ts';
import { loadTensors } from '../../src/node.ts';
import { backends } from '../backends.ts';
import { type Golden, readGolden } from '../goldens.ts';

/** The reference backend, and a fast one. */
export const someBackends = backends.slice(0, 2);

export interface Case {
  readonly golden: Golden;
  readonly model: Model;
}

export async function caseOf(name: string, create: (typeof backends)[number][1]): Promise<Case> {
  const golden = await readGolden(name);
  return { golden, model: await Model.load(await opened(golden.folder), await create()) };
}

export const opened = (folder: string): Promise<OpenedModel> => openModel(localFolder(folder), { weights: 'f32' });

/** Tensors of tests/golden/insides, by their names. */
export async function insidesOf(
  name: string,
): Promise<(tensor: string) => { shape: readonly number[]; data: number[] }> {
  const tensors = await loadTensors(fileURLToPath(new URL(`../golden/insides/${name}.safetensors`, import.meta.url)));
  return (tensor) => {
    const found = tensors.get(tensor);
    if (!found) throw new Error(`${name} has no ${tensor}, but ${[...tensors.keys()].join(', ')}`);
    return { shape: found.shape, data: Array.from(found.data) };
  };
}

/** Largest difference allowed, as a share of the largest number of the reference. */
export const TOLERANCE = 1e-4;

/** Nested lists of numbers, one after another. */
export function flat(numbers: unknown): number[] {
  return Array.isArray(numbers) ? numbers.flatMap(flat) : [numbers as number];
}

export function expectNear(found: unknown, wanted: readonly number[], what: string, tolerance = TOLERANCE): void {
  const numbers = flat(found);
  expect(numbers.length, what).toBe(wanted.length);
  const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  wanted.forEach((x, i) => {
    const one = numbers[i] as number;
    if (!(Math.abs(one - x) <= tolerance * largest)) expect.fail(`${what}[${i}] is ${one}, wanted ${x}`);
  });
}
