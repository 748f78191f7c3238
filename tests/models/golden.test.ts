/** Every family gives the numbers of its reference implementation, site by site, logits, and 64 greedy tokens. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { casesByBackend } from '../backends.ts';
import { type Golden, goldenNames, readGolden } from '../goldens.ts';

/** Largest difference, as a share of the largest magnitude of the reference. */
const TOLERANCE = 5e-5;

/** The same where an int8 activation lies so near a tie that the last bit of a sum decides its rounding, and so its neighbours'. */
const TOLERANCE_AT_TIES = 2e-3;
const ONE_STEP = 1 / 127;
const NEAR_A_TIE = 1e-4;

function tolerances({ margins }: Golden): { floats: number; int8: number } {
  const tied = (margins.rounding ?? 1) < NEAR_A_TIE;
  return tied ? { floats: TOLERANCE_AT_TIES, int8: ONE_STEP } : { floats: TOLERANCE, int8: 0 };
}

function difference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    worst = Math.max(worst, Math.abs((found[i] as number) - (wanted[i] as number)));
    largest = Math.max(largest, Math.abs(wanted[i] as number));
  }
  return largest === 0 ? worst : worst / largest;
}

describe.each(casesByBackend(goldenNames()))('on the %s backend', (_, create, names) => {
  describe.each(names)('%s', (name) => {
    let golden: Golden;
    let model: Model;

    beforeAll(async () => {
      golden = await readGolden(name);
      model = await Model.load(await openModel(localFolder(golden.folder), { weights: 'f32' }), await create());
    });
    afterAll(() => model.dispose());

    it('sees the reference at every site', async () => {
      const names = [...golden.sites.keys()];
      const captured = await model.capture(golden.ids, { sites: names });
      const inOrder = model.sites.map((site) => site.name).filter((site) => golden.sites.has(site));
      expect(new Set(inOrder)).toEqual(new Set(names));
      for (const site of inOrder) {
        const wanted = golden.sites.get(site);
        const found = captured.get(site);
        expect(found?.shape, `shape of ${site}`).toEqual(wanted?.shape);
        const { floats, int8 } = tolerances(golden);
        const allowed = wanted?.data instanceof Float32Array ? floats : wanted?.data instanceof Int8Array ? int8 : 0;
        const worst = difference(found?.data ?? [], wanted?.data ?? []);
        expect(worst, `${site} differs, the first site that does`).toBeLessThanOrEqual(allowed);
      }
    });

    it('gives the logits of the reference, fused', async () => {
      const wanted = golden.sites.get('logits')?.data as Float32Array;
      const found: number[] = [];
      await model.score(golden.ids, { onLogits: (_first, logits) => found.push(...logits) });
      expect(found.length).toBe(wanted.length);
      expect(difference(found, wanted)).toBeLessThanOrEqual(tolerances(golden).floats);
    });

    it('chooses the tokens of the reference', async () => {
      const options = { maxNewTokens: golden.greedy.length, ignoreEnd: true };
      expect((await model.complete(golden.ids, options)).ids).toEqual(golden.greedy);
    });
  });
});
