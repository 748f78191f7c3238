/** `train --dry-run`: what a run will take, as tables. */
import type { Hardware, PlannedFlops, Recipe, TrainingPlan } from '../../src/node.ts';
import { columns } from '../output.ts';
import { duration } from '../work.ts';

/** `title`: of the run, such as the name of its recipe. */
export function planText(title: string, plan: TrainingPlan, recipe?: Recipe): string {
  const sections = [
    [title, runRows(plan)],
    ...(plan.stages.length > 1 ? [['stages', stageRows(plan)] as const] : []),
    ['learning rate', scheduleRows(plan)],
    ['parameters', parameterRows(plan)],
    ['memory', memoryRows(plan)],
    ['operations', operationRows(plan.flops, plan.tokens)],
    ['time', timeRows(plan)],
  ] as const;
  const tables = sections.map(([name, rows]) => `${name}\n${columns(rows, '  ')}`);
  return [...tables, ...(recipe ? [notes(recipe)] : [])].join('\n');
}

type Rows = readonly (readonly (string | number)[])[];

function runRows({ family, steps, tokens, stages, parameters }: TrainingPlan): Rows {
  const [only, ...more] = stages;
  const step =
    only && more.length === 0
      ? [
          [
            'a step',
            `${only.batch} x ${only.accumulate} sequences of ${only.sequence}: ${whole(only.tokensPerStep)} tokens`,
          ],
        ]
      : [];
  return [
    ['family', family],
    ['parameters', `${whole(parameters.total)}, of which ${whole(parameters.trained)} are trained`],
    ['steps', whole(steps)],
    ['tokens', `${whole(tokens)} (${short(tokens)}), ${(tokens / parameters.total).toFixed(1)} for each parameter`],
    ...step,
  ];
}

function stageRows({ stages }: TrainingPlan): Rows {
  const rows = stages.map(({ steps, sequence, batch, accumulate, tokensPerStep, config }, i) => [
    ...[i + 1, whole(steps), whole(sequence), `${batch} x ${accumulate}`, whole(tokensPerStep)],
    Object.entries(config)
      .map(([key, value]) => `${key} ${String(value)}`)
      .join(', '),
  ]);
  return [['stage', 'steps', 'sequence', 'batch x accumulate', 'tokens a step', 'config.json'], ...rows];
}

function scheduleRows({ schedule, stages }: TrainingPlan): Rows {
  const staged = stages.length > 1;
  const quantised = schedule.some(({ lambda }) => lambda !== undefined);
  const optional = (kept: boolean, cell: string | number) => (kept ? [cell] : []);
  const head = ['step', 'tokens before', ...optional(staged, 'stage'), 'rate', ...optional(quantised, 'lambda')];
  const rows = schedule.map(({ step, tokens, stage, rate, lambda }) => [
    ...[whole(step), short(tokens)],
    ...optional(staged, stage + 1),
    rate === 0 ? '0' : rate.toPrecision(4),
    ...optional(quantised, lambda?.toFixed(3) ?? ''),
  ]);
  return [head, ...rows];
}

function parameterRows({ parameters: { groups } }: TrainingPlan): Rows {
  const rows = groups.map(({ rate, weightDecay, tensors, parameters, examples }) => [
    ...[`x ${Number(rate.toPrecision(4))}`, weightDecay, tensors, whole(parameters)],
    tensors > examples.length ? `${examples.join(', ')}, …` : examples.join(', '),
  ]);
  return [['rate', 'decay', 'tensors', 'parameters', 'such as'], ...rows];
}

function memoryRows({ memory }: TrainingPlan): Rows {
  return [
    ['weights', gigabytes(memory.weights)],
    ...(memory.copies > 0 ? [['copies to compute with', gigabytes(memory.copies)]] : []),
    ['gradients', gigabytes(memory.gradients)],
    ['optimiser', gigabytes(memory.optimizer)],
    ['values of a pass', gigabytes(memory.activations)],
    ['together', gigabytes(memory.total)],
  ];
}

function operationRows({ products, attention, scan, again, total }: PlannedFlops, tokens: number): Rows {
  const row = (name: string, flops: number) => [name, `${short(flops)} FLOP`, `${short(flops / tokens)} a token`];
  return [
    row('products with weights', products),
    ...(attention > 0 ? [row('attention', attention)] : []),
    ...(scan > 0 ? [row('state spaces', scan)] : []),
    ...(again > 0 ? [row('blocks computed again', again)] : []),
    row('together', total),
  ];
}

function timeRows({ time, hardware, flops }: TrainingPlan): Rows {
  const here =
    time.here === undefined
      ? 'not known: its speed was not measured'
      : `about ${duration(time.here)}, as fast as products of matrices were just now; a run takes somewhat more`;
  if (!hardware) return [['on this machine', here]];
  const { published, utilisation = 0, deviceHours = 0 } = time;
  const share = `${(100 * utilisation).toFixed(0)}% of the peak of ${short(hardware.peakFlops)} FLOP/s`;
  return [
    ['on this machine', here],
    [`on ${devices(hardware)}`, onDevices(hardware, deviceHours)],
    [
      '',
      published === undefined
        ? `at ${share}, as is usual`
        : `as published: ${share}, for ${short(flops.total - flops.again)} FLOP`,
    ],
  ];
}

const devices = ({ name, count }: Hardware): string => (count === undefined ? name : `${count} ${name}`);

function onDevices({ count, memoryBytes }: Hardware, deviceHours: number): string {
  const each = `${gigabytes(memoryBytes)} each`;
  const hours = `${whole(Math.round(deviceHours))} hours of one`;
  return count === undefined ? `${hours}, ${each}` : `${duration((deviceHours / count) * 3600)} (${hours}, ${each})`;
}

function notes({ card, sources, conflicts, differences }: Recipe): string {
  const rows = sources.map(({ keys, certainty, source }) => [keys.join(', '), certainty, source]);
  const listed = (name: string, lines: readonly string[]) =>
    lines.length > 0 ? [`${name}\n${lines.map((line) => `  ${line}\n`).join('')}`] : [];
  return [
    `sources (${card})\n${columns(rows, '  ')}`,
    ...listed('where sources contradict each other', conflicts),
    ...listed('what is done in another way', differences),
  ].join('\n');
}

const whole = (count: number): string => count.toLocaleString('en-US');

const UNITS = ['', ' thousand', ' million', ' billion', ' trillion'] as const;

/** Three digits; beyond trillions as a power of ten. */
function short(count: number): string {
  if (count >= 1e15) return count.toExponential(2).replace('e+', 'e');
  const unit = count < 1000 ? 0 : Math.floor(Math.log10(count) / 3);
  return `${Number((count / 1000 ** unit).toPrecision(3))}${UNITS[unit]}`;
}

const gigabytes = (bytes: number): string =>
  bytes < 1e9 ? `${Number((bytes / 1e6).toPrecision(3))} MB` : `${Number((bytes / 1e9).toPrecision(3))} GB`;
