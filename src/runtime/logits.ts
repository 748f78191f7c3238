/** Which rows of a step need logits or summaries, and delivery of these to their requests. */
import { UsageError } from '../base/errors.ts';
import type { Outcome, Request } from './engine.ts';
import { targetsPerRow } from './summaries.ts';

/** Rows of a request, in ascending order. */
export type Rows = 'none' | 'last' | 'all' | readonly number[];

export function rowsWanted(rows: Rows = 'last', count: number): readonly number[] {
  if (rows === 'none') return [];
  if (rows === 'last') return count > 0 ? [count - 1] : [];
  if (rows === 'all') return Array.from({ length: count }, (_, row) => row);
  const isAscending = rows.every((row, i) => Number.isInteger(row) && row > (rows[i - 1] ?? -1) && row < count);
  if (!isAscending) throw new UsageError(`rows came as ${rows.join(', ')}, wanted ascending numbers below ${count}.`);
  return rows;
}

/** Collects the logits or summaries of one request. */
export class Collector {
  readonly request: Request;
  readonly rows: readonly number[];
  #taken = 0;
  readonly #parts: Float32Array[] = [];
  #failure: Outcome['failure'];

  constructor(request: Request) {
    this.request = request;
    this.rows = rowsWanted(request.rows, request.ids.length);
  }

  get seesLogits(): boolean {
    return this.request.tap?.sees('logits') ?? false;
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Requests of the same kind want the same columns, so that one op computes their rows. */
  get kind(): string {
    const { summary } = this.request;
    return summary ? `${summary.top} ${targetsPerRow(summary)}` : '';
  }

  /** Takes the next `count` rows of this request: rows `at`.. of the `total` rows in `numbers`. */
  take(count: number, numbers: Float32Array, at: number, total: number): void {
    if (this.#failure) return;
    const width = numbers.length / total;
    const own = numbers.subarray(at * width, (at + count) * width); // a view: copying whole vocabularies would cost a tenth of a step
    const first = this.#taken;
    this.#taken += count;
    if (!this.request.visit) {
      this.#parts.push(own);
      return;
    }
    try {
      this.request.visit(first, own);
    } catch (error) {
      this.fail(error);
    }
  }

  get outcome(): Outcome {
    return { output: joined(this.#parts), failure: this.#failure };
  }
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0] as Float32Array;
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export interface Part {
  readonly collector: Collector;
  /** Index of the first of these rows among the wanted rows of the request. */
  readonly first: number;
  /** Row numbers in the step. */
  readonly rows: readonly number[];
}

/** Divides the wanted rows into chunks of one kind and at most `most` rows. Rows of a request whose tap sees logits stay in one chunk. */
export function chunksOf(going: readonly Collector[], starts: readonly number[], most: number): Part[][] {
  const chunks: Part[][] = [];
  let room = 0;
  going.forEach((collector, b) => {
    if (chunks.at(-1)?.[0]?.collector.kind !== collector.kind) room = 0;
    let rows = collector.rows.map((row) => row + (starts[b] as number));
    if (collector.seesLogits) {
      if (rows.length > 0) chunks.push([{ collector, rows, first: 0 }]);
      room = 0;
      return;
    }
    while (rows.length > 0) {
      if (room === 0) {
        chunks.push([]);
        room = most;
      }
      const some = rows.slice(0, room);
      chunks.at(-1)?.push({ collector, rows: some, first: collector.rows.length - rows.length });
      room -= some.length;
      rows = rows.slice(some.length);
    }
  });
  return chunks;
}
