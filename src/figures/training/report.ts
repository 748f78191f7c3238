/** Pictures of a run of training: losses, rates, norms and the load of experts, step by step. */
import type { Figure, Lines, Report, Series } from '../figure.ts';
import { rounded } from '../rounded.ts';
import { evened, type TrainingHistory, type TrainingPoint } from './history.ts';

export interface TrainingSummary {
  /** Steps that are done. */
  readonly steps: number;
  readonly loss: number | null;
  /** Mean of the loss over the last steps. */
  readonly meanLoss: number | null;
  /** The lowest loss on held-out data, and the step after which it was found, counted from 0. */
  readonly best: { readonly step: number; readonly loss: number } | null;
  readonly tokens: number;
  readonly seconds: number;
}

export function trainingSummary({ points }: TrainingHistory): TrainingSummary {
  const last = points.at(-1);
  const held = points.flatMap(({ step, validationLoss: loss }) => (loss === undefined ? [] : [{ step, loss }]));
  const best = held.reduce<TrainingSummary['best']>((a, b) => (a && a.loss <= b.loss ? a : b), null);
  const sum = (value: (point: TrainingPoint) => number | undefined) =>
    points.reduce((all, point) => all + (value(point) ?? 0), 0);
  return {
    steps: last ? last.step + 1 : 0,
    loss: last?.loss ?? null,
    meanLoss: averages(points, windowOf(points.length)).at(-1) ?? null,
    best,
    tokens: sum(({ tokens }) => tokens),
    seconds: sum(({ seconds }) => seconds),
  };
}

export function trainingReport(history: TrainingHistory, facts: Report['facts']): Report {
  const { points } = history;
  const window = windowOf(points.length);
  const has = (key: keyof TrainingPoint) => points.some((point) => point[key] !== undefined);
  const of = (key: 'lr' | 'lambda' | 'gradNorm' | 'validationLoss' | 'loss') =>
    points.map((point) => point[key] ?? null);
  const places = { label: 'step', ticks: points.map(({ step }) => String(step)) };
  const at = points.map(({ step }) => step);
  const lines = (title: string, measure: string, series: readonly Series[], more: Partial<Lines> = {}): Figure => ({
    ...{ kind: 'lines', title, measure, places, at, series },
    ...more,
  });
  const one = (values: Series['values']): Series[] => [{ name: '', values }];
  const loss: Series[] = [
    { name: 'training', values: of('loss') },
    ...(window > 1 ? [{ name: `mean of ${window} steps`, values: averages(points, window) }] : []),
    ...(has('validationLoss') ? [{ name: 'held out', values: of('validationLoss') }] : []),
  ];
  const busiest = (key: 'mean' | 'largest') => points.map((point) => point.busiest?.[key] ?? null);
  const speed = points.map(({ tokens, seconds }) => (tokens && seconds ? tokens / seconds : null));
  const figures: Figure[] = [
    summaryTable(trainingSummary(history)),
    ...(points.length === 0
      ? []
      : [
          lines('Loss', 'nats', loss, {
            about: 'Before the update of each step. Held-out loss is the cross-entropy alone, after the step.',
            joined: true,
            anyZero: true,
          }),
          lines('Norm of the gradients', 'norm', one(of('gradNorm')), { about: 'Before clipping.', logarithmic: true }),
          ...(has('lr') ? [lines('Learning rate', 'rate', one(of('lr')))] : []),
          ...(has('lambda')
            ? [
                lines('Lambda', 'lambda', one(of('lambda')), {
                  about: 'How strongly layers are quantised, from 0 to 1.',
                }),
              ]
            : []),
          ...(has('busiest')
            ? [
                lines(
                  'Load of the busiest expert',
                  'times the mean',
                  [
                    { name: 'mean of all layers', values: busiest('mean') },
                    { name: 'layer with the largest', values: busiest('largest') },
                  ],
                  {
                    about: 'Tokens that chose it, over the mean of all experts of its layer: 1 is even.',
                    anyZero: true,
                  },
                ),
              ]
            : []),
          ...loadMap(history),
          ...(speed.some((value) => value !== null) ? [lines('Speed', 'tokens/s', one(speed))] : []),
          ...samplesTable(history),
        ]),
  ];
  return { title: 'Training', facts, figures };
}

function summaryTable({ steps, loss, meanLoss, best, tokens, seconds }: TrainingSummary): Figure {
  const number = (value: number | null) => (value === null ? '-' : String(rounded(value, 5)));
  return {
    kind: 'table',
    title: 'Run',
    columns: ['', 'so far'],
    rows: [
      ['steps', steps.toLocaleString('en')],
      ['loss', number(loss)],
      ['mean of the last steps', number(meanLoss)],
      ...(best ? [['lowest held-out loss', `${number(best.loss)}, after ${best.step + 1} steps`]] : []),
      ['tokens', tokens.toLocaleString('en')],
      ['tokens/s', seconds === 0 ? '-' : Math.round(tokens / seconds).toLocaleString('en')],
    ],
  };
}

function loadMap({ loads }: TrainingHistory): Figure[] {
  const last = loads.at(-1);
  const [first] = last ?? [];
  if (!last || !first) return [];
  const sums = last.map((counts, l) => counts.map((_, e) => loads.reduce((sum, load) => sum + (load[l]?.[e] ?? 0), 0)));
  return [
    {
      kind: 'heatmap',
      title: 'Load of the experts',
      about: `Tokens that chose each, over the mean of its layer, in the last ${loads.length} steps: 1 is even.`,
      x: { label: 'expert', ticks: first.map((_, e) => String(e)) },
      y: { label: 'layer of experts', ticks: last.map((_, l) => String(l)) },
      measure: 'times the mean',
      values: sums.map(evened),
    },
  ];
}

function samplesTable({ samples }: TrainingHistory): Figure[] {
  if (samples.length === 0) return [];
  const shown = (text: string) => text.replaceAll('\n', '↵');
  const rows = samples.map(({ step, prompt, text }) => [step, shown(prompt), shown(text)]);
  return [{ kind: 'table', title: 'What the model wrote', columns: ['step', 'prompt', 'text'], rows }];
}

/** Steps of a moving average: a twentieth of those that are done. */
const windowOf = (count: number): number => Math.max(1, Math.floor(count / 20));

/** Mean of the loss over this many steps up to each. */
function averages(points: readonly TrainingPoint[], window: number): number[] {
  let sum = 0;
  return points.map(({ loss }, i) => {
    sum += loss - (i >= window ? (points[i - window] as TrainingPoint).loss : 0);
    return sum / Math.min(i + 1, window);
  });
}
