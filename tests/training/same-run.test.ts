/** A run goes on with the configuration that it was begun with; what differs is named by its own key. */
import { expect, it } from 'vitest';
import { checkSameRun, type RunRecord } from '../../src/node/training/run-record-node.ts';
import { type TrainingOptions, trainingConfig } from '../../src/training/config.ts';

const OPTIONS: TrainingOptions = {
  ...{ model: 'm', data: { files: ['a.txt'], sequence: 32 }, steps: 9, out: 'run' },
  optimizer: { name: 'adamw', lr: 1e-3 },
};
const record: RunRecord = {
  ...{ step: 4, data: 'rows', version: '0', files: {} },
  config: JSON.parse(JSON.stringify(trainingConfig(OPTIONS))),
};
const check = (changes: Partial<TrainingOptions>, data = 'rows') =>
  checkSameRun('run', record, trainingConfig({ ...OPTIONS, ...changes }), data);

it('goes on with the same, with other steps of a constant rate, and with keys that change no number', () => {
  for (const changes of [
    {},
    { steps: 12 },
    { steps: 4 },
    { out: 'b' },
    { checkpoint: { every: 3 } },
    { recompute: true },
  ])
    expect(() => check(changes)).not.toThrow();
});

it('refuses another configuration, by the path of the key that differs', () => {
  const refused = (changes: Partial<TrainingOptions>, message: string) => expect(() => check(changes)).toThrow(message);
  refused({ seed: 2 }, "was begun with 'seed': 0, and the configuration has 'seed': 2");
  refused(
    { data: { files: ['a.txt'], sequence: 16 } },
    "with 'data.sequence': 32, and the configuration has 'data.sequence': 16",
  );
  refused(
    { optimizer: { name: 'adamw', lr: 1e-2 } },
    "'optimizer.lr': 0.001, and the configuration has 'optimizer.lr': 0.01",
  );
  refused({ clip: 1 }, "was begun with no 'clip', and the configuration has 'clip': 1");
  refused({ schedule: { name: 'linear' } }, '\'schedule.name\': "constant"');
});

it('refuses fewer steps than there are already', () => {
  expect(() => check({ steps: 3 })).toThrow("has made 4 steps, more than the 'steps': 3 of the configuration");
});

it('refuses other data', () => {
  expect(() => check({}, 'other rows')).toThrow('the data of the run in run has changed');
});
