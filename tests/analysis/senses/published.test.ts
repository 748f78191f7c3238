/** Numbers worked out for the model of formulas, in double precision, by programs that share no code with this one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annealed, annealingRate, quantiles, topicWeight } from '../../../src/analysis/senses/topic-weights.ts';
import type { Model } from '../../../src/api/model.ts';
import { expectClose, loadGolden } from './golden.ts';

describe('the model of formulas', () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadGolden('backpack-formula');
  });
  afterAll(() => model.dispose());

  it('sense 1 of token 7 predicts 3, 21, 2 and refuses 15, 7, 13', async () => {
    const { senses } = await model.senses.lookup(7, { top: 3, senses: [1] });
    expect(senses).toHaveLength(1);
    expect(senses[0]!.top.map(({ id }) => id)).toEqual([3, 21, 2]);
    expectClose(
      senses[0]!.top.map(({ logit }) => logit),
      [2.212728, 1.883979, 1.784418],
      1e-5,
    );
    expect(senses[0]!.bottom.map(({ id }) => id)).toEqual([15, 7, 13]);
    expectClose(
      senses[0]!.bottom.map(({ logit }) => logit),
      [-1.889255, -1.600143, -0.740539],
      1e-5,
    );
  });

  it('has the published cosines, topic quantiles and edited senses', async () => {
    const { senses, min } = await model.senses.similarity(7, 14);
    expectClose([...senses, min], [-0.12382024, -0.13029158, 0.09039672, -0.13029158], 1e-6);
    expectClose((await model.senses.topic([3, 9])).bounds, [1.51675434, 0.89652013, 0.27882116], 1e-5);
    const { vectors } = await model.senses.edited({ word: 7, remove: 3, add: 9 });
    const [edited] = [...vectors.values()];
    expectClose(edited!.data.subarray(0, 4), [-1.01353412, -3.32110805, -1.45609594, -2.34726538], 1e-5);
  });
});

describe('topic weights', () => {
  it('anneals as the example of the code: largest weight 3.3, reached 10, position 5', () => {
    const rate = annealingRate([3.3, 3.3, 3, 1]);
    expect(rate).toBeCloseTo(0.44, 12);
    expect(annealed(3.3, 10, 5, rate)).toBeCloseTo(3.0093, 4);
    expect(annealed(1, 1e6, 5, rate)).toBe(1);
  });

  it('take quantiles in proportion between neighbours', () => {
    expect(quantiles([4, 1, 3, 2], [0, 0.5, 0.95, 1])).toEqual([1, 2.5, 3.8499999999999996, 4]);
    expect(quantiles([], [0.5])).toEqual([Number.NaN]);
  });

  it('divide scores by the bounds', () => {
    const strength = [4, 3, 2, 1] as const;
    expect([9, 3, 2.5, 2, 1.5, 1, 0].map((score) => topicWeight(score, [3, 2, 1], strength))).toEqual([
      ...[4, 3, 3, 2, 2, 1, 1],
    ]);
  });
});
