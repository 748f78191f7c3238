/** Which rows become the examples before a question (samplers of lm-evaluation-harness, api/samplers.py). */
import { UsageError } from '../../base/errors.ts';
import type { Row } from '../tasks/task-config.ts';
import { PythonRandom } from './python-random.ts';

/** Draws examples for one document after another: the draws of all documents of a task come from one generator. */
export interface ExampleSampler {
  /** `excluded`: the document itself, where examples come from the rows that are evaluated. */
  draw(count: number, excluded: Row | undefined): readonly Row[];
}

export function exampleSampler(kind: 'default' | 'first_n', pool: readonly Row[], seed: number): ExampleSampler {
  return kind === 'first_n' ? { draw: (count, excluded) => firstOf(pool, count, excluded) } : randomSampler(pool, seed);
}

function firstOf(pool: readonly Row[], count: number, excluded: Row | undefined): readonly Row[] {
  const there = excluded ? pool.filter((row) => !isSame(row, excluded)) : pool;
  if (count > there.length) throw tooFew(count, there.length);
  return there.slice(0, count);
}

/** One more is drawn where the document itself may be among them; it is left out then. */
function randomSampler(pool: readonly Row[], seed: number): ExampleSampler {
  const random = new PythonRandom(seed);
  const sample = (rows: readonly Row[], count: number): Row[] => {
    if (count > rows.length) throw tooFew(count, rows.length);
    return random.sample(rows.length, count).map((at) => rows[at] as Row);
  };
  return {
    draw(count, excluded) {
      if (!excluded) return sample(pool, count);
      const others = sample(pool, count + 1).filter((row) => !isSame(row, excluded));
      if (others.length >= count) return others.slice(0, count);
      const rest = pool.filter((row) => !isSame(row, excluded)); // several rows are equal to the document
      return sample(rest, count);
    },
  };
}

const tooFew = (wanted: number, there: number): UsageError =>
  new UsageError(`${wanted} examples were wanted, but there are only ${there} rows to draw them from.`);

/** Equality of Python's dictionaries and lists. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => isSame(value, b[i]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
