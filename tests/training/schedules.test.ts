/** Learning rates and lambda: the values that the references give. */
import { describe, expect, it } from 'vitest';
import { checkSection } from '../../src/options/section.ts';
import { LAMBDA, lambdaAt } from '../../src/training/schedules/lambda.ts';
import { exponentialDecay, learningRate, SCHEDULE } from '../../src/training/schedules/learning-rate.ts';
import { evenRun } from './runs.ts';

const rate = (options: object, peak: number, steps: number, tokensPerStep = 1, sequencesPerStep = 1) =>
  learningRate(checkSection('the schedule', options, SCHEDULE), peak, evenRun(steps, tokensPerStep, sequencesPerStep));

const lambda = (options: object, step: number) => lambdaAt(checkSection('lambda', options, LAMBDA), step);

describe('learning rates', () => {
  it('cosine to a floor, as OpenLM trained Mamba-7B', () => {
    const at = rate({ name: 'cosine', warmup: 2000, floor: 1e-5 }, 3e-4, 572_205);
    const wanted: readonly [step: number, rate: number][] = [
      [0, 1.5e-7],
      [999, 1.5e-4],
      [1999, 3e-4],
      [2000, 3e-4],
      [100_000, 2.793722848e-4],
      [286_102, 1.557992852e-4],
      [500_000, 2.1323353e-5],
      [572_204, 1e-5],
    ];
    for (const [step, value] of wanted) expect(at(step) / value, `step ${step}`).toBeCloseTo(1, 9);
    expect(at(600_000)).toBe(1e-5); // beyond the end it stays
  });

  it('linear to 0 after a warm-up from 0, as transformers', () => {
    const at = rate({ name: 'linear', warmup: 10, warmupOffset: 0 }, 6e-4, 110);
    expect([0, 1, 9].map(at)).toEqual([0, 6e-4 / 10, (6e-4 * 9) / 10]);
    expect(at(10)).toBe(6e-4);
    expect(at(60)).toBeCloseTo(3e-4, 18);
    expect(at(109)).toBeCloseTo(6e-6, 18);
    expect(at(110)).toBe(0);
  });

  it('linear to a floor', () => {
    const at = rate({ name: 'linear', floor: 0.1 }, 1, 10);
    expect([at(0), at(5), at(10), at(11)]).toEqual([1, 0.55, 0.1, 0.1]);
  });

  it('exponential to a floor', () => {
    const at = rate({ name: 'exponential', warmup: 2, floor: 0.1 }, 0.4, 12);
    expect([0, 1, 2].map(at)).toEqual([0.2, 0.4, 0.4]);
    expect(at(7)).toBeCloseTo(0.4 * exponentialDecay(0.5, 0.25), 15);
    expect(at(12)).toBeCloseTo(0.1, 15);
    expect(at(20)).toBeCloseTo(0.1, 15);
  });

  it('constant, with a warm-up or without', () => {
    expect([0, 1, 99].map(rate({ name: 'constant' }, 0.003, 10))).toEqual([0.003, 0.003, 0.003]);
    expect([0, 1, 2].map(rate({ name: 'constant', warmup: 2 }, 1, 10))).toEqual([0.5, 1, 1]);
  });

  it('constant with a cooldown, by a line or a power', () => {
    const line = rate({ name: 'cooldown', warmup: 2, cooldown: 4, floor: 0.2 }, 1, 10);
    expect([0, 1, 2, 5, 6].map(line)).toEqual([0.5, 1, 1, 1, 1]);
    expect(line(8)).toBeCloseTo(0.6, 15);
    expect(line(9)).toBeCloseTo(0.4, 15);
    const squared = rate({ name: 'cooldown', cooldown: 4, power: 2 }, 1, 10);
    expect(squared(8)).toBeCloseTo(0.25, 15);
    expect(squared(10)).toBe(0);
  });

  it('power, as Granite 3.0 was trained: 1024 sequences of 4096 tokens', () => {
    const tokensPerStep = 1024 * 4096;
    const at = (tokens: number) =>
      rate({ name: 'power', warmup: 0, a: 4, b: -0.51 }, 0.02, 1e7, tokensPerStep, 1024)(tokens / tokensPerStep);
    expect(at(1e9)).toBe(0.02);
    expect(at(2.5e10)).toBe(0.02);
    expect(at(2.61e10)).toBeLessThan(0.02);
    expect(at(1e11)).toBeCloseTo(0.01005, 5);
    expect(at(1e12)).toBeCloseTo(0.003107, 6);
    expect(at(1e13)).toBeCloseTo(0.00096, 6);
    const uncapped = (tokens: number) => rate({ name: 'power', batch: 1024 }, 1, 1e7)(tokens);
    expect(uncapped(1e9)).toBeCloseTo(0.1053, 4);
    expect(uncapped(1e10)).toBeCloseTo(0.0325, 4);
  });

  it('power: the warm-up ends where the formula begins, the decay at its floor', () => {
    const at = rate({ name: 'power', warmup: 4, warmupOffset: 0, decay: 10, decayFloor: 0.1 }, 0.02, 100, 1e12, 1024);
    expect(at(0)).toBe(0);
    expect(at(2)).toBeCloseTo(at(4) / 2, 15);
    expect(at(4)).toBeCloseTo(1024 * 4 * 4e12 ** -1 * 4e12 ** 0.49, 12);
    expect(at(90)).toBeCloseTo(1024 * 4 * Math.exp(-0.51 * Math.log(9e13)), 12);
    expect(at(100) / at(90)).toBeCloseTo(0.1, 12);
    expect(at(95) / at(90)).toBeCloseTo((0.9 * Math.E * Math.exp(-0.5) + 0.1 * Math.E - 1) / (Math.E - 1), 12);
  });

  it('the exponential decay goes from 1 to its floor', () => {
    for (const floor of [0, 0.1, 0.5]) {
      expect(exponentialDecay(0, floor)).toBeCloseTo(1, 14);
      expect(exponentialDecay(1, floor)).toBeCloseTo(floor, 14);
    }
  });
});

describe('lambda', () => {
  it('has the values of its formulas', () => {
    expect(lambda({ name: 'linear', steps: 1000 }, 250)).toBe(0.25);
    const exponential = [
      [4, 0.3439, 0.9375],
      [6, 0.468559, 0.984375],
      [8, 0.569533, 0.99609375],
      [10, 0.651322, 0.9990234],
    ] as const;
    for (const [k, at100, at500] of exponential) {
      expect(lambda({ name: 'exponential', steps: 1000, k }, 100)).toBeCloseTo(at100, 6);
      expect(lambda({ name: 'exponential', steps: 1000, k }, 500)).toBeCloseTo(at500, 7);
    }
    const sigmoid = (k: number, step: number) => lambda({ name: 'sigmoid', steps: 1000, k }, step);
    expect(sigmoid(100, 450)).toBeCloseTo(0.0066929, 7);
    expect(sigmoid(100, 500)).toBe(0.5);
    expect(sigmoid(100, 550)).toBeCloseTo(0.9933071, 7);
    expect(sigmoid(15, 0)).toBeCloseTo(0.0005528, 7);
    expect(sigmoid(15, 999)).toBeCloseTo(0.99944, 5);
  });

  it('is 1 from the last step of its warm-up on', () => {
    for (const name of ['linear', 'exponential', 'sigmoid'])
      for (const step of [5, 6, 1000]) expect(lambda({ name, steps: 5 }, step), name).toBe(1);
    expect(lambda({ name: 'linear', steps: 5 }, 4)).toBe(0.8);
    expect(lambda({ name: 'constant' }, 0)).toBe(1);
    expect(lambda({ name: 'constant', value: 0.5 }, 9)).toBe(0.5);
  });
});
