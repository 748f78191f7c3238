/** The tools for senses give what the reference computes: tools/reference/make_senses.py. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fitFactor, meanRatio, ratioOf } from '../../../src/analysis/senses/bias.ts';
import type { Model } from '../../../src/api/model.ts';
import type { InterventionsOption } from '../../../src/interventions/compile.ts';
import { expectClose, goldens, loadGolden, newWasm, type SenseGolden } from './golden.ts';

async function lastLogits(model: Model, ids: readonly number[], interventions: InterventionsOption) {
  const { data, shape } = await model.logits(ids, { interventions });
  return (data as Float32Array).subarray((ids.length - 1) * (shape[1] as number));
}

describe.each(goldens.models.map((golden) => [golden.model, golden] as const))('%s', (name, golden: SenseGolden) => {
  let model: Model;
  beforeAll(async () => {
    model = await loadGolden(name, name === 'backpack-tiny' ? await newWasm() : undefined);
  });
  afterAll(() => model.dispose());

  it('lookup: what senses predict and refuse', async () => {
    for (const { token, senses } of golden.lookups) {
      const top = senses[0]?.top[0].length as number;
      const found = await model.senses.lookup(token, { top });
      expect(found.senses.map(({ sense }) => sense)).toEqual([...senses.keys()]);
      for (const [i, { top, bottom }] of senses.entries()) {
        const reading = found.senses[i]!;
        expectClose(
          reading.top.map(({ logit }) => logit),
          top[1],
        );
        expectClose(
          reading.bottom.map(({ logit }) => logit),
          bottom[1],
        );
        // Rows of padding and tokens without a text are not shown.
        if (!model.tokenizer) {
          expect(reading.top.map(({ id }) => id)).toEqual(top[0]);
          expect(reading.bottom.map(({ id }) => id)).toEqual(bottom[0]);
        }
      }
    }
  });

  it('similarity of two words, and the nearest of one', async () => {
    for (const { pair, senses, ...wanted } of golden.similarities) {
      const found = await model.senses.similarity(...pair);
      expectClose(found.senses, senses);
      const rest = {
        min: found.min,
        max: found.max,
        'min-any': found.minAny,
        'max-any': found.maxAny,
        flat: found.flat,
      };
      expectClose(
        Object.values(rest),
        Object.keys(rest).map((key) => wanted[key as keyof typeof wanted]),
      );
    }
    for (const { token, by } of golden.nearest)
      for (const [name, [ids, values]] of Object.entries(by)) {
        const which = (/^\d/.test(name) ? Number(name) : name) as 'min';
        const [found] = await model.senses.nearest([token], { by: which, top: ids.length });
        expect(
          found?.nearest.map(({ id }) => id),
          name,
        ).toEqual(ids);
        expectClose(
          found!.nearest.map(({ similarity }) => similarity),
          values,
        );
      }
  });

  it('decomposition of a logit, or of a difference', async () => {
    for (const { ids, target, against, parts, logit, text, words } of golden.decompositions) {
      const other = words?.[1] ?? against ?? undefined;
      const found = await model.senses.decompose(text ?? ids, { word: words?.[0] ?? target, against: other });
      expect(found).toMatchObject({ ids, target, against: against ?? undefined });
      for (const [l, row] of parts.entries()) expectClose(found.parts[l]!, row);
      expectClose([found.logit, found.sum], [logit, logit]);
    }
  });

  it('knowledge edits, and what the model then predicts', async () => {
    for (const { ids, word, remove, add, strength, senses, logits } of golden.edits) {
      const edit = await model.senses.edited({ word, remove, add, strength });
      expect(edit.interventions).toEqual([{ senses: { token: word }, set: { vector: `token${word}.senses` } }]);
      const vector = edit.vectors.get(`token${word}.senses`)!;
      expect(vector.shape).toEqual([model.senses.count, model.facts.dModel]);
      expectClose(vector.data.subarray(0, senses.length), senses);
      expectClose((await lastLogits(model, ids, edit)).subarray(0, logits.length), logits);
    }
  });

  it('topic control: scores, quantiles and annealed weights', async () => {
    for (const { ids, targets, strength, bounds, factors, logits } of golden.topics) {
      const control = await model.senses.topic(targets, { strength });
      expectClose(control.bounds, bounds);
      await control.prepare(ids);
      expectClose(control.weights(ids), factors.flat());
      const interventions = [{ senses: {}, scale: (step: { ids: readonly number[] }) => control.weights(step.ids) }];
      expectClose((await lastLogits(model, ids, interventions)).subarray(0, logits.length), logits);
    }
  });

  it.runIf(golden.pairs)('agreement with judgements of word pairs', async () => {
    const { pairs, scores } = golden.pairs!;
    const list = pairs.map(([a, b, score]) => ({ words: [a, b] as const, score }));
    for (const pieces of ['average', 'first'] as const) {
      const found = await model.senses.scorePairs(list, { pieces });
      const wanted = scores[pieces];
      expectClose(found.senses, wanted.senses, 1e-9);
      expectClose(
        [found.min, found.max, found.minAny, found.maxAny, found.flat],
        [wanted.min, wanted.max, wanted['min-any'], wanted['max-any'], wanted.flat],
        1e-9,
      );
      expect(found.severalTokens).toBeGreaterThan(0);
    }
  });

  it.runIf(golden.bias)('bias: ratios as they are, without a sense, and with fitted factors', async () => {
    const { data, sense, words } = golden.bias!;
    const found = await model.senses.bias({ data, sense });
    expect(found.words.map(({ id }) => id)).toEqual(words.map(({ id }) => id));
    for (const [i, wanted] of words.entries()) {
      const { original, removed, fitted, factor } = found.words[i]!;
      expectClose([original, removed], [wanted.original, wanted.removed]);
      // Near a minimum the method compares losses that differ by less than single precision tells: the loss agrees, the place less well.
      expectClose([factor, fitted], [wanted.factor, wanted.fitted], 5e-3);
      const leanings = wanted.fit.map(([difference, add]) => ({ difference, senses: [add] }));
      expect(fitFactor(leanings, 0)).toBeCloseTo(wanted.factor, 9);
      expectClose([meanRatio(leanings, 0, factor) + Math.abs(1 - factor)], [wanted.loss]);
    }
    expect(found.removed).toBeCloseTo(found.withoutEach[sense]!, 12);
  });
});

it('a ratio is that of the larger probability to the smaller, whatever the sign', () => {
  const leaning = { difference: -1, senses: [0.5] };
  expect(ratioOf(leaning, 0, 1)).toBeCloseTo(Math.E, 12);
  expect(ratioOf(leaning, 0, 3)).toBeCloseTo(1, 12);
});
