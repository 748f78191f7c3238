/** Comparing a model with itself, with another format, and by hand. */

import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partsOf } from '../../src/api/model.ts';
import { divergence } from '../../src/evaluate/compare.ts';
import { compare, fromPretrained, loadOpened, type Model, openPretrained, type Tokenizer } from '../../src/node.ts';
import { golden } from '../cli/cli.ts';

const shipped = (name: string) => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));

const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

describe('the divergence', () => {
  it('is what one computes by hand', () => {
    const wanted = 0.5 * Math.log(0.5 / 0.25) + 0.25 * Math.log(0.25 / 0.25) + 0.25 * Math.log(0.25 / 0.5);
    expect(divergence(logs(0.5, 0.25, 0.25), logs(0.25, 0.25, 0.5))).toBeCloseTo(wanted, 7);
    expect(divergence(logs(0.9, 0.1), logs(0.5, 0.5))).toBeCloseTo(0.9 * Math.log(1.8) + 0.1 * Math.log(0.2), 7);
    expect(divergence(logs(1, 0), logs(0.5, 0.5))).toBeCloseTo(Math.log(2), 7);
    expect(divergence(logs(0.5, 0.5), logs(1, 0))).toBe(Number.POSITIVE_INFINITY);
  });

  it('is 0 for equal logits and for shifted ones, and never less', () => {
    const logits = fc.float32Array({ minLength: 3, maxLength: 3, min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(logits, logits, fc.integer({ min: -8, max: 8 }), (p, q, shift) => {
        expect(divergence(p, p)).toBe(0);
        const moved = p.map((x) => x + shift);
        expect(divergence(p, moved)).toBeLessThan(1e-4);
        expect(divergence(p, q)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('comparing', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained(shipped('granite-tiny'), { threads: 1, weights: 'f32' });
  });
  afterAll(() => model.dispose());
  const text = 'Once there was a king who had three sons. The youngest of them went out into the world. '.repeat(4);

  it('a model with itself finds no difference, and its own perplexity', async () => {
    const ids = model.encode(text);
    const result = await compare(model, model, text);
    expect(result).toMatchObject({ klMean: 0, kl99: 0, klMax: 0, sameTop: 1, logprobDifference: 0, windows: 1 });
    const { perplexity } = await model.score(ids);
    expect(result.perplexity).toBeCloseTo(perplexity, 7);
    expect(result.referencePerplexity).toBe(result.perplexity);
    expect(result.tokens).toBe(ids.length - 1);
  });

  it('a model under interventions has the perplexity that score gives, and is compared with the plain one', async () => {
    const interventions = [
      { site: 'blocks.2.residPost', scale: 0.5, positions: { from: 10 } },
      { experts: [4], layers: [2], disable: true as const, positions: { to: 100 } },
    ];
    const result = await compare(model, model, text, { interventions });
    expect(result.perplexity).toBeCloseTo((await model.score(text, { interventions })).perplexity, 7);
    expect(result.referencePerplexity).toBeCloseTo((await model.score(text)).perplexity, 7);
    expect(result.klMean).toBeGreaterThan(0.01);
  });

  it('bf16 is near f32, and not the same', async () => {
    const [exact, rounded] = [
      await fromPretrained(shipped('mamba-tiny'), { threads: 1 }),
      await fromPretrained(shipped('mamba-tiny'), { threads: 1, weights: 'bf16' }),
    ];
    const result = await compare(rounded, exact, text);
    await Promise.all([exact.dispose(), rounded.dispose()]);
    expect(result.klMean).toBeGreaterThan(0);
    expect(result.klMean).toBeLessThan(0.01);
    expect(result.kl99).toBeGreaterThanOrEqual(result.klMean);
    expect(result.klMax).toBeGreaterThanOrEqual(result.kl99);
    expect(result.sameTop).toBeGreaterThan(0.9);
    expect(result.perplexity / result.referencePerplexity).toBeCloseTo(1, 1);
  });

  it('windows are texts of their own', async () => {
    const ids = model.encode(text);
    const window = 20;
    const progress: number[] = [];
    const result = await compare(model, model, ids, { window, onProgress: (done) => progress.push(done) });
    let sum = 0;
    for (let at = 0; at < ids.length; at += window) sum += (await model.score(ids.slice(at, at + window))).sumLogprob;
    const windows = Math.ceil(ids.length / window);
    expect(result).toMatchObject({ window, windows, tokens: ids.length - windows });
    expect(result.perplexity).toBeCloseTo(Math.exp(-sum / (ids.length - windows)), 7);
    expect(progress.at(-1)).toBe(ids.length);
  });

  it('each window begins with what the tokenizer puts in front', async () => {
    const { tokenizer } = model;
    const front = 1;
    const fronting = { frontIds: [front], encode: (text: string) => [front, ...(tokenizer?.encode(text) ?? [])] };
    const opened = await openPretrained(shipped('granite-tiny'), { weights: 'f32' });
    const again = { ...opened, tokenizer: fronting as unknown as Tokenizer };
    await using wrapped = await loadOpened(again, { threads: 1 });
    const ids = model.encode(text);
    const result = await compare(wrapped, model, text, { window: 21 });
    let sum = 0;
    for (let at = 0; at < ids.length; at += 20)
      sum += (await model.score([front, ...ids.slice(at, at + 20)])).sumLogprob;
    expect(result.tokens).toBe(ids.length);
    expect(result.perplexity).toBeCloseTo(Math.exp(-sum / ids.length), 7);
  });

  it('refuses what cannot be compared', async () => {
    const other = await fromPretrained(golden('mamba-odd'), { threads: 1 });
    await expect(compare(model, other, [1, 2])).rejects.toThrow(/vocabularies/);
    await other.dispose();
    await expect(compare(model, model, [1])).rejects.toThrow(/nothing to predict/);
    for (const window of [1, 2.5, 1e6]) await expect(compare(model, model, text, { window })).rejects.toThrow(/window/);
    const before = partsOf(model).engine.backend.memory().liveBytes;
    await expect(compare(model, model, text, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before);
  });
});
