/** Figures of a run of training show the numbers of its metrics. */
import { expect, it } from 'vitest';
import {
  TrainingHistory,
  type TrainingLine,
  trainingReport,
  trainingSummary,
} from '../../src/figures/training/index.ts';

const lines = Array.from(
  { length: 240 },
  (_, step): TrainingLine => ({
    ...{ step, loss: 5 - step / 100, gradNorm: 1 + (step % 3), lr: 0.001, tokens: 100, seconds: 0.5 },
    ...(step % 60 === 59 ? { validationLoss: step === 119 ? 2 : 4, samples: [{ prompt: 'A', text: ' king.\n' }] } : {}),
    expertLoad: [
      [50, 50],
      [step < 140 ? 50 : 100, step < 140 ? 50 : 0],
    ],
  }),
);

function historyOf(some: readonly TrainingLine[]): TrainingHistory {
  const history = new TrainingHistory();
  for (const line of some) history.add(line);
  return history;
}

it('has a figure for each number that the run has', () => {
  const titles = (some: readonly TrainingLine[]) =>
    trainingReport(historyOf(some), []).figures.map(({ title }) => title);
  const usual = ['Run', 'Loss', 'Norm of the gradients', 'Learning rate'];
  expect(titles([])).toEqual(['Run']);
  expect(titles([{ step: 0, loss: 1, gradNorm: 1, lr: 1 }])).toEqual(usual);
  expect(titles([{ step: 0, loss: 1, gradNorm: 1, lr: 1, lambda: 0 }])).toEqual([...usual, 'Lambda']);
  const experts = ['Load of the busiest expert', 'Load of the experts', 'Speed', 'What the model wrote'];
  expect(titles(lines)).toEqual([...usual, ...experts]);
});

it('draws losses, their mean and those of held-out data over the steps', () => {
  const loss = trainingReport(historyOf(lines), []).figures[1];
  if (loss?.kind !== 'lines') throw new Error('no lines');
  expect(loss.series.map(({ name }) => name)).toEqual(['training', 'mean of 12 steps', 'held out']);
  const [training, mean, held] = loss.series.map(({ values }) => values);
  expect(training).toEqual(lines.map(({ loss }) => loss));
  expect(mean?.[239]).toBeCloseTo(5 - (239 - 5.5) / 100, 10);
  expect(held?.flatMap((value, i) => (value === null ? [] : [[i, value]]))).toEqual([
    ...[[59, 4], [119, 2], [179, 4], [239, 4]], // biome-ignore format: pairs
  ]);
});

it('adds up the loads of the last 100 steps', () => {
  const map = trainingReport(historyOf(lines), []).figures.find(({ kind }) => kind === 'heatmap');
  expect(map).toMatchObject({
    values: [
      [1, 1],
      [2, 0],
    ],
  });
});

it('sums up the run', () => {
  const { meanLoss, ...rest } = trainingSummary(historyOf(lines));
  expect(rest).toEqual({
    steps: 240,
    loss: lines[239]?.loss,
    best: { step: 119, loss: 2 },
    tokens: 24000,
    seconds: 120,
  });
  expect(meanLoss).toBeCloseTo(2.665, 10);
  expect(trainingSummary(historyOf([]))).toMatchObject({ steps: 0, loss: null, meanLoss: null, best: null });
});
