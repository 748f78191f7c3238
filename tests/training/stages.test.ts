/** Runs in stages: what each takes from the run, and how learning rates go on or begin anew. */
import { describe, expect, it } from 'vitest';
import { trainingConfig } from '../../src/training/config.ts';
import { type RunDefaults, stageAt, stagesOf, tokensBefore } from '../../src/training/schedules/stages.ts';

const base: RunDefaults = {
  steps: 10,
  sequence: 100,
  batch: 4,
  accumulate: 2,
  lr: 1,
  weightDecay: 0.1,
  schedule: { name: 'linear', warmup: 0, warmupOffset: 1, floor: 0 },
};

const checked = (stages: readonly object[]) =>
  trainingConfig({
    ...{ model: 'm', data: { ids: [[1, 2]] }, stages },
    optimizer: { name: 'adamw', lr: 1 },
  }).stages;

describe('a run', () => {
  it('without stages is one', () => {
    const [stage, ...more] = stagesOf(base);
    expect(more).toEqual([]);
    expect(stage).toMatchObject({
      first: 0,
      steps: 10,
      sequence: 100,
      batch: 4,
      accumulate: 2,
      config: {},
      weightDecay: 0.1,
    });
    expect([0, 5, 9].map((step) => stage?.rate(step))).toEqual([1, 0.5, 0.1]);
    expect(tokensBefore(stagesOf(base), 3)).toBe(2400);
  });

  it('needs steps or stages', () => {
    expect(() => stagesOf({ ...base, steps: undefined })).toThrow(RangeError);
  });
});

describe('stages', () => {
  const stages = stagesOf({
    ...base,
    steps: undefined,
    stages: checked([
      { steps: 6 },
      { steps: 2, sequence: 200, batch: 2, config: { rope_theta: 50000 } },
      { steps: 4, sequence: 400, batch: 1, lr: 0.5, weightDecay: 0, config: { rope_theta: 100000 } },
    ]),
  });

  it('follow each other, each with its own lengths and keys of config.json', () => {
    expect(stages.map(({ first, steps, sequence, batch }) => [first, steps, sequence, batch])).toEqual([
      [0, 6, 100, 4],
      [6, 2, 200, 2],
      [8, 4, 400, 1],
    ]);
    expect(stages.map(({ config }) => config)).toEqual([{}, { rope_theta: 50000 }, { rope_theta: 100000 }]);
    expect(stages.map(({ weightDecay }) => weightDecay)).toEqual([0.1, 0.1, 0]);
    expect([0, 5, 6, 7, 8, 11, 99].map((step) => stageAt(stages, step).first)).toEqual([0, 0, 6, 6, 8, 8, 8]);
  });

  it('share the schedule of the run, unless they have a peak or a schedule of their own', () => {
    const rate = (step: number) => stageAt(stages, step).rate(step);
    expect(rate(3)).toBeCloseTo(0.75, 15); // of 12 steps
    expect(rate(6)).toBeCloseTo(0.5, 15);
    expect(rate(8)).toBe(0.5); // begins anew
    expect(rate(10)).toBeCloseTo(0.25, 15);
  });

  it('count tokens by their own lengths', () => {
    expect([0, 6, 7, 8, 12, 20].map((step) => tokensBefore(stages, step))).toEqual([0, 4800, 5600, 6400, 9600, 9600]);
  });
});
