/** Log-probabilities from summaries that a backend makes are those of the logits. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { CheckpointError } from '../../src/base/errors.ts';
import { Summaries } from '../../src/runtime/summaries.ts';
import { logSumExp, topLogprobs } from '../../src/sampler/sampler.ts';
import { backends } from '../backends.ts';

const WIDTH = 203;

describe.each(backends)('%s', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.dispose());

  const summaries = (logits: Float32Array, targets: readonly number[] | undefined, top: number) =>
    backend.step(async () => {
      const ops = opsOf(backend);
      const n = logits.length / WIDTH;
      const ids = targets && ops.upload(Int32Array.from(targets), [n, 1]);
      const numbers = await backend.read(ops.summarizeLogits(ops.upload(logits, [n, WIDTH]), ids, top));
      return new Summaries(numbers as Float32Array, { top, targets });
    });

  it.each([0, 1, 5, WIDTH])('the %i likeliest and the targets have the log-probabilities of f64', async (top) => {
    const rows = [
      Float32Array.from({ length: WIDTH }, (_, i) => 8 * Math.sin(i * i)),
      Float32Array.from({ length: WIDTH }, (_, i) => (i % 7) - 300), // many equal ones
      Float32Array.from({ length: WIDTH }, (_, i) => (i === 100 ? 50 : Number.NEGATIVE_INFINITY)),
      Float32Array.from({ length: WIDTH }, (_, i) => i / 10),
      Float32Array.from({ length: WIDTH }, (_, i) => -i / 10),
    ];
    const targets = [3, 202, 100, 0, 200];
    const logits = Float32Array.from(rows.flatMap((row) => [...row]));
    const found = await summaries(logits, targets, top);
    expect(found.length).toBe(rows.length);
    for (const [i, row] of rows.entries()) {
      expect(found.target(i)).toBeCloseTo((row[targets[i]!] as number) - logSumExp(row), 6);
      const wanted = topLogprobs(row, top);
      expect(found.top(i).map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
      for (const [k, { logprob }] of found.top(i).entries()) {
        if (Number.isFinite(logprob)) expect(logprob).toBeCloseTo(wanted[k]!.logprob, 6);
        else expect(logprob).toBe(wanted[k]!.logprob);
      }
    }
  });

  it.each([
    ['NaN', 77, Number.NaN],
    ['NaN at the end', WIDTH - 1, Number.NaN],
    ['Infinity', 5, Number.POSITIVE_INFINITY],
  ])('%s in a row is an error of this row only', async (_, place, value) => {
    const logits = Float32Array.from({ length: 2 * WIDTH }, (_, i) => i % 11);
    logits[WIDTH + place] = value;
    const found = await summaries(logits, [1, 2], 3);
    expect(found.target(0)).toBeLessThan(0);
    expect(() => found.target(1)).toThrow(CheckpointError);
    expect(() => found.top(1)).toThrow(CheckpointError);
  });

  it('a row without a finite number is an error', async () => {
    const found = await summaries(new Float32Array(WIDTH).fill(Number.NEGATIVE_INFINITY), [1], 0);
    expect(() => found.target(0)).toThrow(CheckpointError);
  });
});
