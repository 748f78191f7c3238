/**
 * A source that asks for more than is read of it, since each request costs a way to the server and back: what is read in order comes in ranges
 * that grow, and the last ones are kept.
 */
import type { Source } from './source.ts';

/** Of the first range, so that the header of a large file does not bring much else. */
const FIRST_BYTES = 256 << 10;
const GROWTH = 4;
const MOST_BYTES = 8 << 20;
/** All ranges that are kept, together: a small model is read once, in whatever order. */
const KEPT_BYTES = 32 << 20;

interface Range {
  readonly from: number;
  readonly length: number;
  readonly bytes: Promise<Uint8Array>;
}

export function readAhead(source: Source): Source {
  let kept: Range[] = [];

  /** Begins to fetch a range at a place that none has. */
  const begin = (from: number, wanted: number, signal: AbortSignal | undefined): Range => {
    const before = kept.find((range) => range.from + range.length === from);
    const grown = before ? Math.min(MOST_BYTES, GROWTH * before.length) : FIRST_BYTES;
    const next = Math.min(source.size, ...kept.map((range) => range.from).filter((start) => start > from));
    const length = Math.min(Math.max(grown, Math.min(wanted, MOST_BYTES)), next - from);
    const bytes = new Uint8Array(length);
    const range: Range = { from, length, bytes: source.read(from, bytes, signal).then(() => bytes) };
    range.bytes.catch(() => {
      kept = kept.filter((one) => one !== range); // the next who wants it asks again
    });
    kept.push(range);
    while (kept.length > 1 && kept.reduce((sum, one) => sum + one.length, 0) > KEPT_BYTES) kept.shift();
    return range;
  };

  return {
    ...source,
    async read(offset, into, signal) {
      const end = offset + into.length;
      if (end > source.size) return source.read(offset, into, signal); // it has the error for that
      for (let at = offset; at < end; ) {
        signal?.throwIfAborted();
        const range = kept.find(({ from, length }) => from <= at && at < from + length) ?? begin(at, end - at, signal);
        const bytes = (await range.bytes).subarray(at - range.from, Math.min(end - range.from, range.length));
        into.set(bytes, at - offset);
        at += bytes.length;
      }
    },
    async close() {
      kept = [];
      await source.close();
    },
  };
}
