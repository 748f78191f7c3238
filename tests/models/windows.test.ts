/** Scores of texts in windows: what each token is scored from, against reading each window by itself. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare, fromPretrained, type Model, type ScoreOptions, UsageError, windowsOf } from '../../src/node.ts';

const shipped = (name: string) => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
const text = 'Once there was a king who had three sons. The youngest of them went out into the world. '.repeat(30);

/** As the guide of transformers scores a long text ("Perplexity of fixed-length models"), but each window begins with `front`. */
async function directly(model: Model, ids: readonly number[], front: number, window: number, stride: number) {
  const logprobs: (number | null)[] = new Array(ids.length).fill(null);
  let end = front;
  for (let begin = front; end < ids.length; begin += stride) {
    const before = end;
    end = Math.min(begin + window - front, ids.length);
    const read = [...ids.slice(0, front), ...ids.slice(begin, end)];
    const { data, shape } = await model.logits(read);
    for (let at = begin === front ? 0 : before; at < end; at++) {
      const place = begin === front ? at : front + at - begin;
      if (place === 0) continue;
      const row = data.subarray((place - 1) * shape[1]!, place * shape[1]!) as Float32Array;
      const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
      logprobs[at] = (row[ids[at]!] as number) - total;
    }
  }
  return logprobs;
}

describe.each([
  ['granite-tiny', 0],
  ['mamba-tiny', 0],
  ['bitnet-tiny', 1],
])('%s, which puts %i tokens in front', (name, front) => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained(shipped(name), { threads: 1 });
  });
  afterAll(() => model.dispose());

  it.each([
    ['fixed', 100, undefined],
    ['overlapping', 100, 40],
    ['overlapping by all but one', 20, 1],
    ['of the least length', front + 2, undefined],
  ])('%s windows give the scores of each window by itself', async (_, window, stride) => {
    const some = window < 100 ? text.slice(0, 150) : text.slice(0, 1200);
    const ids = model.encode(some);
    const result = await model.score(some, { window, stride });
    const wanted = await directly(model, ids, front, window, stride ?? window - front);
    expect(result.tokens.map(({ id }) => id)).toEqual(ids);
    expect(result.tokens.map(({ logprob }) => logprob === null)).toEqual(wanted.map((logprob) => logprob === null));
    for (const [i, { logprob }] of result.tokens.entries())
      if (logprob !== null) expect(logprob).toBeCloseTo(wanted[i] as number, 4);
    const scored = wanted.filter((logprob) => logprob !== null);
    const sum = scored.reduce((all, logprob) => all + logprob, 0);
    expect(result.sumLogprob).toBeCloseTo(sum, 2);
    expect(result.perplexity).toBeCloseTo(Math.exp(-sum / scored.length), 3);
    expect(result).toMatchObject({ window, stride: stride ?? window - front });
  });

  it('the logits that are shown are those that the next token was scored with, each place once', async () => {
    const some = text.slice(0, 400);
    const ids = model.encode(some);
    const { vocabSize } = model.facts;
    for (const stride of [undefined, 7]) {
      const rows: Float32Array[] = [];
      const onLogits: ScoreOptions['onLogits'] = (first, logits) => {
        expect(first).toBe(rows.length);
        for (let i = 0; i < logits.length; i += vocabSize) rows.push(logits.slice(i, i + vocabSize));
      };
      const { tokens } = await model.score(some, { window: 30, stride, onLogits });
      expect(rows).toHaveLength(ids.length);
      for (const [i, { id, logprob }] of tokens.entries()) {
        const row = rows[i - 1];
        if (logprob === null || !row) continue;
        const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
        expect((row[id] as number) - total).toBeCloseTo(logprob, 4);
      }
    }
  });

  it('compare has the perplexity of score, in the same windows', async () => {
    const some = text.slice(0, 1200);
    for (const options of [{ window: 60 }, { window: 60, stride: 25 }]) {
      const { perplexity, windows, window, stride } = await model.score(some, options);
      const compared = await compare(model, model, some, options);
      expect(compared).toMatchObject({ klMax: 0, windows, window, stride });
      expect(compared.perplexity).toBeCloseTo(perplexity, 7); // the exponentials of score are f32
    }
  });
});

describe('a text longer than the context', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained(shipped('granite-tiny'), { threads: 1 });
  });
  afterAll(() => model.dispose());

  it('is scored in windows of the context without being asked; a short one at once', async () => {
    const ids = model.encode(text);
    expect(ids.length).toBeGreaterThan(512);
    const { windows, window, stride, tokens } = await model.score(text);
    expect({ windows, window, stride }).toEqual({ windows: Math.ceil(ids.length / 512), window: 512, stride: 512 });
    expect(tokens.flatMap(({ logprob }, at) => (logprob === null ? [at] : []))).toEqual(
      Array.from({ length: windows }, (_, i) => 512 * i),
    );
    expect(await model.score('a king')).toMatchObject({ windows: 1 });
  });

  it('more that stands before makes a text less surprising', async () => {
    const fixed = await model.score(text, { window: 64 });
    const overlapping = await model.score(text, { window: 64, stride: 16 });
    expect(overlapping.perplexity).toBeLessThan(fixed.perplexity);
  });

  it('refuses windows and strides that are none', async () => {
    const bad: [ScoreOptions, RegExp][] = [
      [{ window: 513 }, /window came as 513.*at most the model's context, 512/],
      [{ window: 1 }, /window came as 1/],
      [{ window: 2.5 }, /window came as 2.5/],
      [{ window: 64, stride: 65 }, /stride came as 65, wanted a whole number of tokens from 1 to 64/],
      [{ stride: 513 }, /stride came as 513/],
      [{ stride: 0 }, /stride came as 0/],
      [{ strid: 5 } as ScoreOptions, /score has no option 'strid'; did you mean 'stride'/],
    ];
    for (const [options, message] of bad) {
      await expect(model.score(text, options)).rejects.toThrow(UsageError);
      await expect(model.score(text, options)).rejects.toThrow(message);
    }
    await expect(model.score([1, 2, 4000])).rejects.toThrow(/4000 does not exist/);
  });

  it('windows cover every token once, whatever their length and stride', () => {
    const count = fc.integer({ min: 1, max: 80 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 120 }),
        count,
        count,
        fc.integer({ min: 0, max: 3 }),
        (length, a, b, front) => {
          const room = Math.max(a, b, 2);
          const stride = Math.min(a, b);
          const opened = {
            tokenizer: {
              frontIds: new Array(front).fill(9),
              encode: (t: string) => [...new Array(front).fill(9), ...Array.from(t, (_, i) => i % 8)],
            },
            model: { facts: { vocabSize: 10, contextLength: undefined } },
          } as unknown as Parameters<typeof windowsOf>[0];
          const { windows } = windowsOf(opened, 'x'.repeat(length), { window: room + front, stride });
          const ids = opened.tokenizer!.encode('x'.repeat(length));
          const seen: number[] = [];
          for (const { ids: read, first, at } of windows) {
            expect(at).toBe(seen.length);
            expect(read.length).toBeLessThanOrEqual(room + front);
            expect(read.slice(0, front)).toEqual(ids.slice(0, front));
            seen.push(...read.slice(first));
          }
          expect(seen).toEqual(ids);
        },
      ),
    );
  });
});
