/** `eval --preset`: our numbers beside published ones. */
import type { EvaluationPreset, EvaluationResults } from '../../src/node.ts';
import { columns } from '../output.ts';

/** Of a normal distribution, 95 of 100 lie within so many standard errors. */
const ERRORS = 1.96;

/** A row for each published number. */
export function publishedTable({ published, source, notes }: EvaluationPreset, { results }: EvaluationResults): string {
  const rows = published.flatMap(({ checkpoint, numbers }) =>
    numbers.map(({ task, metric, value }) => {
      const [name = '', filter = ''] = metric.split(',');
      const ours = results[task]?.[metric];
      const error = results[task]?.[`${name}_stderr,${filter}`];
      const shown = [checkpoint, task, name, value.toFixed(4)];
      if (typeof ours !== 'number') return [...shown, '-', '-', 'not evaluated'];
      if (typeof error !== 'number') return [...shown, ours.toFixed(4), signed(ours - value), ''];
      const isWithin = Math.abs(ours - value) <= ERRORS * error;
      const told = `${isWithin ? 'within' : 'beyond'} ${ERRORS} x ${error.toFixed(4)}`;
      return [...shown, ours.toFixed(4), signed(ours - value), told];
    }),
  );
  const head = ['checkpoint', 'task', 'metric', 'published', 'ours', 'difference', 'standard error'];
  const about = [`published: ${source}`, ...notes].map((line) => `${line}\n`).join('');
  return `${columns([head, ...rows])}${about}`;
}

const signed = (x: number): string => (x > 0 ? `+${x.toFixed(4)}` : x.toFixed(4));
