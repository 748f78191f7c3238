/** What holds for the tools for senses on any model that has some. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinEdits } from '../../../src/analysis/senses/edit.ts';
import type { TableCache } from '../../../src/analysis/senses/maxima.ts';
import { textIds } from '../../../src/analysis/senses/source.ts';
import { generateOnTopic } from '../../../src/api/generate-on-topic.ts';
import type { Model } from '../../../src/api/model.ts';
import { UsageError } from '../../../src/base/errors.ts';
import { expectClose, loadGolden, newWasm } from './golden.ts';

describe.each(['backpack-levanter', 'backpack-hub'])('%s', (name) => {
  let model: Model;
  beforeAll(async () => {
    model = await loadGolden(name);
  });
  afterAll(() => model.dispose());
  const ids = () => fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 9 });

  it('senses of an id alone are those that a text shows', async () => {
    const text = [3, 12, 12, 0, 5];
    const shown = (await model.capture(text, { sites: ['senses'] })).get('senses')!;
    expect(await model.senses.vectors(text)).toEqual(shown.data);
  });

  it('the parts of a logit sum to it, and so do those of a difference', async () => {
    await fc.assert(
      fc.asyncProperty(ids(), fc.nat({ max: 40 }), fc.option(fc.nat({ max: 40 })), async (text, word, other) => {
        const position = text.length >> 1;
        const found = await model.senses.decompose(text, { word, against: other ?? undefined, position });
        const { vocabSize } = model.facts;
        const row = (await model.logits(text)).data.subarray(position * vocabSize, (position + 1) * vocabSize);
        const wanted = row[word]! - (other === null ? 0 : row[other]!);
        expectClose([found.sum, found.logit], [wanted, wanted], 2e-5);
        expectClose(
          [found.bySense, found.byToken].map((parts) => parts.reduce((a, b) => a + b, 0)),
          [found.sum, found.sum],
          1e-9,
        );
        expect(found.byToken).toHaveLength(position + 1);
      }),
      { numRuns: 20 },
    );
  });

  it('topic tables: what was interrupted is resumed, what was kept is not computed again', async () => {
    const kept = new Map<string, Float32Array>();
    const cache: TableCache = {
      read: async (table) => kept.get(table)?.slice(),
      write: async (table, numbers) => void kept.set(table, numbers.slice()),
    };
    const whole = await model.senses.topic([3, 9]);
    const stopped = AbortSignal.abort();
    await expect(model.senses.topic([3, 9], { cache, signal: stopped })).rejects.toThrow('abort');
    const partly = kept.get('maxima')!;
    expect(partly.every(Number.isNaN)).toBe(true);
    const total = textIds({ facts: model.facts, tokenizer: undefined }).length;
    partly.fill(1e9, 0, 5 * model.senses.count); // five words are there, with maxima that are told apart from the true ones
    const stages: string[] = [];
    const done: number[] = [];
    const onProgress = (progress: { done: number; total: number }) => {
      done.push(progress.done);
      expect(progress.total).toBe(total);
    };
    await model.senses.topic([3, 9], { cache, onProgress, onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual(['maxima', 'scores']);
    expect([done[0], done.at(-1)]).toEqual([5, total]);
    expect(
      kept
        .get('maxima')!
        .subarray(0, 5 * model.senses.count)
        .every((x) => x === 1e9),
    ).toBe(true);
    expect(kept.get('maxima')!.some(Number.isNaN)).toBe(false);
    stages.length = 0;
    const again = await model.senses.topic([9, 3, 9], { cache, onStage: (stage) => stages.push(stage) });
    expect(stages).toEqual([]);
    expect(again.bounds).not.toEqual(whole.bounds);
  });

  it('a sample of all words has the bounds of all words, and the weights of each', async () => {
    const all = await model.senses.topic([3, 9], { strength: 3 });
    const sample = await model.senses.topic([3, 9], { strength: 3, sample: model.facts.vocabSize - 1 });
    expect(Math.abs(sample.bounds[0]! - all.bounds[0]!)).toBeLessThan(0.2);
    const text = [1, 3, 3, 9];
    for (const one of [all, sample]) await one.prepare(text);
    expect(sample.weights(text)).toEqual(all.weights(text));
    expect(() => sample.weights([2])).toThrow('prepare');
  });

  it('a swap gives the other word its senses, a factor multiplies, and edits join', async () => {
    const { dModel } = model.facts;
    const swap = await model.senses.swapped({ word: 4, from: 6, senses: [0, 2] });
    expect(swap.interventions).toEqual([
      { senses: { token: 4, sense: 0 }, set: { vector: 'token4.sense0' } },
      { senses: { token: 4, sense: 2 }, set: { vector: 'token4.sense2' } },
    ]);
    const other = await model.senses.vectors([6]);
    expect(swap.vectors.get('token4.sense2')!.data).toEqual(other.slice(2 * dModel, 3 * dModel));
    expect(model.senses.scaled(4, 1, 0).interventions).toEqual([{ senses: { token: 4, sense: 1 }, scale: 0 }]);
    const both = joinEdits([swap, model.senses.scaled(6, 0, 0.5)]);
    expect(both.interventions).toHaveLength(3);
    const shown = await model.capture([4, 6], { sites: ['senses'], interventions: both });
    const row = (shown.get('senses')!.data as Float32Array).subarray(2 * dModel, 3 * dModel);
    expect(row).toEqual(other.subarray(2 * dModel, 3 * dModel));
  });

  it('the ratio of a scaled sense is that of the model under the intervention', async () => {
    const text = [7, 4, 12, 4];
    const { data } = await model.logits(text, { interventions: model.senses.scaled(4, 1, 0.3) });
    const row = data.subarray(3 * model.facts.vocabSize);
    const plain = await model.senses.decompose(text, { word: 5, against: 8 });
    const added = plain.parts[1]!.reduce((sum, part, j) => sum + (text[j] === 4 ? part : 0), 0);
    expectClose([row[5]! - row[8]!], [plain.logit - 0.7 * added], 2e-5);
  });

  it('generation on a topic weighs every step by the text so far; weights of 1 change no bit', async () => {
    const options = { maxNewTokens: 8, ignoreEnd: true };
    const idsOf = async (steps: AsyncIterable<{ readonly id?: number | undefined; readonly index: number }>) => {
      const ids: number[][] = [[], []];
      for await (const { id, index } of steps) if (id !== undefined) ids[index]!.push(id);
      return ids;
    };
    const prompts = [[3, 12], [5]];
    const idle = await model.senses.topic([3, 9], { strength: 0 });
    expect(await idsOf(generateOnTopic(model, idle, prompts, options))).toEqual(
      await idsOf(model.generate(prompts, options)),
    );
    const topic = await model.senses.topic([3, 9], { strength: [40, 30, 5, 0.5] });
    const found = await idsOf(generateOnTopic(model, topic, prompts, options));
    for (const [index, prompt] of prompts.entries()) {
      const text = [...prompt];
      for (const id of found[index]!) {
        const weights = topic.weights(text);
        const { data } = await model.logits(text, { interventions: [{ senses: {}, scale: () => weights }] });
        const row = data.subarray((text.length - 1) * model.facts.vocabSize);
        expect(row.indexOf(Math.max(...row))).toBe(id);
        text.push(id);
      }
    }
    const own = generateOnTopic(model, topic, [3], { interventions: [] });
    await expect(idsOf(own)).rejects.toThrow('of its own');
  });

  it('wrong input is told', async () => {
    const { senses } = model;
    const count = senses.count;
    await expect(senses.lookup(3, { senses: [count] })).rejects.toThrow(`senses 0 to ${count - 1}`);
    await expect(senses.lookup(3, { piece: 1 })).rejects.toThrow('1 token');
    await expect(senses.lookup('word')).rejects.toThrow('no tokenizer');
    await expect(senses.lookup(1e6)).rejects.toThrow('does not exist');
    await expect(senses.nearest([3], { by: 'most' as 'min' })).rejects.toThrow(UsageError);
    await expect(senses.nearest([3], { by: count })).rejects.toThrow('does not exist');
    await expect(senses.decompose([3], { word: 2, position: 1 })).rejects.toThrow('1 token');
    await expect(senses.topic([])).rejects.toThrow('no words');
    await expect(senses.topic([1], { strength: 4 })).rejects.toThrow('0 to 3');
    expect(() => senses.scaled(3, -1, 0)).toThrow('does not exist');
  });
});

it('models without senses say so', async () => {
  const model = await loadGolden('mamba-formula', await newWasm());
  expect(() => model.senses).toThrow('no senses');
  await model.dispose();
});
