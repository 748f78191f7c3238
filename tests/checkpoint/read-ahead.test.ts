/** Reading ahead gives the bytes of the source, in fewer requests, and keeps a bounded number of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAhead } from '../../src/checkpoint/read-ahead.ts';
import type { Source } from '../../src/checkpoint/source.ts';

const at = (place: number) => (Math.imul(place, 2654435761) >>> 24) & 0xff;

/** A file of `size` bytes that are known by their places, and the ranges that were read of it. */
function file(size: number): { source: Source; asked: [number, number][]; fail: { next: boolean } } {
  const asked: [number, number][] = [];
  const fail = { next: false };
  const source: Source = {
    name: 'file',
    size,
    async read(offset, into, signal) {
      signal?.throwIfAborted();
      asked.push([offset, into.length]);
      await Promise.resolve();
      if (fail.next) {
        fail.next = false;
        throw new Error('cut');
      }
      if (offset + into.length > size) throw new Error('too short');
      for (let i = 0; i < into.length; i++) into[i] = at(offset + i);
    },
    close: async () => {},
  };
  return { source: readAhead(source), asked, fail };
}

async function bytesOf(source: Source, offset: number, length: number): Promise<boolean> {
  const into = new Uint8Array(length);
  await source.read(offset, into);
  return into.every((byte, i) => byte === at(offset + i));
}

test('any reads, one after another or at once, give the bytes of the file', async () => {
  const size = 3_000_000;
  const read = fc
    .tuple(fc.nat(size), fc.nat(700_000))
    .map(([from, length]) => [from, Math.min(length, size - from)] as const);
  await fc.assert(
    fc.asyncProperty(fc.array(read, { maxLength: 12 }), fc.boolean(), async (reads, atOnce) => {
      const { source, asked } = file(size);
      const all = reads.map(
        ([from, length]) =>
          () =>
            bytesOf(source, from, length),
      );
      const right = atOnce ? await Promise.all(all.map((one) => one())) : [];
      if (!atOnce) for (const one of all) right.push(await one());
      expect(right).toEqual(reads.map(() => true));
      // Nothing is asked for twice: all of this file is kept.
      expect(asked.reduce((sum, [, length]) => sum + length, 0)).toBeLessThanOrEqual(size);
    }),
    { numRuns: 20 },
  );
});

test('a file that is read in order takes few requests, none of which is too large', async () => {
  const { source, asked } = file(40 << 20);
  for (let from = 0; from < source.size; from += 1 << 16) await source.read(from, new Uint8Array(1 << 16));
  expect(asked.length).toBeLessThan(10);
  expect(Math.max(...asked.map(([, length]) => length))).toBe(8 << 20);
  await source.read(0, new Uint8Array(1)); // no longer kept
  expect(asked.at(-1)?.[0]).toBe(0);
});

test('what failed is asked for again, and the end of the file is as it was', async () => {
  const { source, fail } = file(1000);
  fail.next = true;
  await expect(source.read(0, new Uint8Array(10))).rejects.toThrow('cut');
  expect(await bytesOf(source, 0, 1000)).toBe(true);
  await expect(source.read(995, new Uint8Array(6))).rejects.toThrow('too short');
});
