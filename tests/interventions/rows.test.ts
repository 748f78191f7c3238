/** Vectors with a row for each position, and what tells interventions apart. */
import { expect, it } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { compile } from '../../src/interventions/compile.ts';
import type { Edit } from '../../src/interventions/edit.ts';
import type { Where } from '../../src/interventions/intervention.ts';
import { sequenceOf } from '../../src/interventions/sequence.ts';
import type { InterventionTarget } from '../../src/interventions/target.ts';
import { openModel } from '../../src/loader/open.ts';
import { targetOf } from '../../src/runtime/site-shapes.ts';
import { readGolden } from '../goldens.ts';

async function withTarget(use: (target: InterventionTarget) => void): Promise<void> {
  const opened = await openModel(localFolder((await readGolden('llama-grouped')).folder));
  try {
    use(targetOf(opened.model));
  } finally {
    await opened.checkpoint.close();
  }
}

it('gives each position its own row, also where the first positions do not hold', () =>
  withTarget((target) => {
    const width = target.sites.get('hidden')?.shape[1] as number;
    const rowAt = (where: Where, count: number, position: number) => {
      const set = Float32Array.from({ length: count * width }, (_, i) => Math.floor(i / width));
      const interventions = compile([{ site: 'hidden', set, ...where }], target);
      const edit = interventions.edits.get('hidden')?.[0] as Edit;
      return sequenceOf(interventions, { promptLength: 4 })?.rowAt(edit, position);
    };
    expect(rowAt({ positions: [2, 5] }, 2, 5)).toBe(1);
    expect(rowAt({ positions: [2, 5], from: 0 }, 2, 5)).toBe(1);
    expect(rowAt({ positions: [9, 3], to: 2 }, 2, 3)).toBe(1);
    expect(rowAt({ positions: { from: 2, to: 6 }, from: 1 }, 4, 4)).toBe(2);
    expect(rowAt({ positions: [-7, -1] }, 2, 3)).toBe(1);
  }));

it('tells vectors of the same bits and other types apart', () =>
  withTarget((target) => {
    const shape = target.sites.get('hidden')?.shape.slice(1) as number[];
    const data = new Uint16Array(shape[0] as number).fill(0x3c00);
    const key = (dtype: string) => {
      const vectors = new Map([['v', { shape, dtype, data }]]);
      return compile({ vectors, interventions: [{ site: 'hidden', add: { vector: 'v' } }] }, target).edits.get(
        'hidden',
      )?.[0]?.source.key;
    };
    expect(key('f16')).not.toBe(key('bf16'));
    expect(key('f16')).toBe(key('f16'));
  }));
