/** Laws of memory: what is handed out never overlaps, what comes back becomes whole again, and hazards see every overlap. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bank } from '../../src/backends/wasm/bank.ts';
import { Hazards, type Range } from '../../src/backends/wasm/hazards.ts';
import { Heap } from '../../src/backends/wasm/heap.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';

const ALIGN = 64;
const PAGE = 65536;

interface Room {
  readonly start: number;
  readonly pages: number;
  readonly maxPages: number;
}

/** A heap over pages that are only counted. */
function heapOf({ start, pages, maxPages }: Room) {
  const system = { pages };
  const heap = new Heap({
    start,
    end: pages * PAGE,
    limit: maxPages * PAGE,
    grow(more) {
      if (system.pages + more > maxPages) return false;
      system.pages += more;
      return true;
    },
  });
  return { heap, system };
}

const rooms = fc
  .record({ start: fc.nat(5000), pages: fc.integer({ min: 1, max: 3 }), more: fc.nat(6) })
  .map(({ start, pages, more }): Room => ({ start, pages, maxPages: pages + more }));

const bytes = fc.oneof(fc.nat(300), fc.nat(3 * PAGE), fc.constantFrom(0, 1, 63, 64, 65, PAGE, PAGE - 64));

/** Take so many bytes, take quiet ones, free the nth of what is held, or settle. */
const actions = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('take' as const), bytes }),
    fc.record({ kind: fc.constant('quiet' as const), bytes }),
    fc.record({ kind: fc.constant('free' as const), nth: fc.nat(20) }),
    fc.record({ kind: fc.constant('settle' as const) }),
  ),
  { maxLength: 60 },
);

describe('a heap', () => {
  test('hands out aligned memory that nobody else has, inside of what the system gave', () => {
    fc.assert(
      fc.property(rooms, actions, (room, list) => {
        const { heap, system } = heapOf(room);
        const held: { start: number; end: number }[] = [];
        const touched: { start: number; end: number }[] = [];
        let sinceSettled: { start: number; end: number }[] = [];
        let used = 0;
        for (const action of list) {
          if (action.kind === 'settle') {
            heap.settle();
            sinceSettled = [...held];
          } else if (action.kind === 'free') {
            const [block] = held.splice(action.nth % Math.max(1, held.length), 1);
            if (!block) continue;
            heap.free(block.start);
            used -= block.end - block.start;
          } else {
            const taken = action.kind === 'take' ? heap.take(action.bytes) : heap.takeQuiet(action.bytes);
            if (!taken) continue;
            const size = Math.max(ALIGN, Math.ceil(action.bytes / ALIGN) * ALIGN);
            const block = { start: taken.address, end: taken.address + size };
            const overlaps = ({ start, end }: { start: number; end: number }) => start < block.end && block.start < end;
            expect(block.start % ALIGN).toBe(0);
            expect(block.start).toBeGreaterThanOrEqual(room.start);
            expect(block.end).toBeLessThanOrEqual(system.pages * PAGE);
            expect(held.some(overlaps)).toBe(false);
            expect(taken.fresh).toBe(!touched.some(overlaps));
            if (action.kind === 'quiet') expect(sinceSettled.some(overlaps)).toBe(false);
            held.push(block);
            touched.push(block);
            sinceSettled.push(block);
            used += size;
          }
          expect(heap.used).toBe(used);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('is one gap again when all has come back, in whatever order', () => {
    fc.assert(
      fc.property(
        rooms,
        fc.array(bytes, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.nat()),
        (room, sizes, order) => {
          const { heap, system } = heapOf(room);
          const taken = sizes.flatMap((size) => heap.take(size)?.address ?? []);
          if (taken.length === 0) return;
          const first = Math.min(...taken);
          const whole = heap.used;
          const left = [...taken];
          while (left.length > 0) heap.free(left.splice(order.next().value % left.length, 1)[0] as number);
          expect(heap.used).toBe(0);
          const pages = system.pages;
          expect(heap.take(whole)).toEqual({ address: first, fresh: false });
          expect(system.pages).toBe(pages);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('refuses what does not fit, and stays as it was', () => {
    const { heap } = heapOf({ start: 0, pages: 1, maxPages: 2 });
    expect(heap.take(3 * PAGE)).toBeUndefined();
    expect(heap.used).toBe(0);
    expect(heap.take(2 * PAGE)).toEqual({ address: 0, fresh: true });
    expect(heap.take(1)).toBeUndefined();
    heap.free(0);
    expect(heap.take(1)?.address).toBe(0);
  });

  test('hands out nothing where the system gives no more, although there is room below the limit', () => {
    const heap = new Heap({ start: 0, end: PAGE, limit: 100 * PAGE, grow: () => false });
    expect(heap.take(2 * PAGE)).toBeUndefined();
    expect(heap.take(PAGE)).toEqual({ address: 0, fresh: true });
  });

  test('takes nothing back that is not in use', () => {
    const { heap } = heapOf({ start: 0, pages: 1, maxPages: 1 });
    heap.take(100);
    expect(() => heap.free(64)).toThrow(RangeError);
    heap.free(0);
    expect(() => heap.free(0)).toThrow(RangeError);
  });
});

describe('hazards', () => {
  const range: fc.Arbitrary<Range> = fc
    .record({ bank: fc.nat(1), start: fc.nat(20), length: fc.nat(5) })
    .map(({ bank, start, length }) => ({ bank, start, end: start + length }));
  const command = fc.record({ reads: fc.array(range, { maxLength: 3 }), writes: fc.array(range, { maxLength: 2 }) });

  /** Byte by byte. */
  const bytesOf = (ranges: readonly Range[]) =>
    new Set(
      ranges.flatMap(({ bank, start, end }) => Array.from({ length: end - start }, (_, i) => `${bank}:${start + i}`)),
    );

  test('are there exactly when a byte is shared and one of both writes it', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 5 }), command, (before, next) => {
        const hazards = new Hazards();
        for (const { reads, writes } of before) hazards.add(reads, writes);
        const shared = (a: readonly Range[], b: readonly Range[]) => {
          const some = bytesOf(a);
          return [...bytesOf(b)].some((byte) => some.has(byte));
        };
        const reads = before.flatMap((c) => c.reads);
        const writes = before.flatMap((c) => c.writes);
        const wanted = shared(writes, next.reads) || shared(writes, next.writes) || shared(reads, next.writes);
        const empty = (r: Range) => r.start === r.end;
        fc.pre(![...reads, ...writes, ...next.reads, ...next.writes].some(empty)); // no command has an empty range
        expect(hazards.conflict(next.reads, next.writes)).toBe(wanted);
        hazards.clear();
        expect(hazards.conflict(next.reads, next.writes)).toBe(false);
      }),
      { numRuns: 600 },
    );
  });
});

describe('a bank', () => {
  const MAX = 1 << 22;

  test('leaves a share of itself to the values of a step, however much lives in it', () => {
    const bank = new Bank(0, false, MAX);
    const held: number[] = [];
    for (let taken = bank.takeLive(50_000); taken; taken = bank.takeLive(50_000)) held.push(taken.address);
    expect(held.length * 50_000).toBeGreaterThan(0.8 * MAX);
    expect(bank.take(100_000)).toBeDefined();
    for (const address of held) bank.freeLive(address, 50_000);
    expect(bank.takeLive(50_000)).toBeDefined();
  });

  const uploads = fc.array(fc.oneof(fc.integer({ min: 1, max: 70_000 }), fc.nat(300_000)), { maxLength: 10 });

  test('puts no upload over another of the same step, and the same steps again need no more memory', () => {
    fc.assert(
      fc.property(fc.array(uploads, { minLength: 1, maxLength: 4 }), (steps) => {
        const bank = new Bank(0, false, 1 << 24);
        const sizes: number[] = [];
        for (let round = 0; round < 6; round++) {
          for (const step of steps) {
            const blocks: { start: number; end: number }[] = [];
            for (const upload of step) {
              const start = bank.commands.take(upload) as number;
              const end = start + upload;
              expect(start % 16).toBe(0);
              expect(end).toBeLessThanOrEqual(bank.size);
              expect(blocks.some((other) => other.start < end && start < other.end)).toBe(false);
              blocks.push({ start, end });
            }
            bank.settle();
          }
          sizes.push(bank.size);
        }
        expect(sizes.slice(2)).toEqual(sizes.slice(1, -1));
      }),
      { numRuns: 80 },
    );
  });

  test('of a backend does not grow while large and small steps take turns', async () => {
    const backend = await createWasmBackend({ platform: nodePlatform, threads: 1, maxBankBytes: 1 << 25 });
    const upload = (bytes: number) =>
      backend.step(async () => {
        const x = backend.upload(new Float32Array(bytes / 4).fill(bytes), [bytes / 4]);
        expect((await backend.read(x))[bytes / 4 - 1]).toBe(bytes);
      });
    const sizes: number[] = [];
    for (let round = 0; round < 60; round++) {
      for (const bytes of [1 << 20, 64, 100_000]) await upload(bytes);
      sizes.push(backend.memory().arenaBytes);
    }
    expect(sizes.at(-1)).toBe(sizes[1]);
    await backend.dispose();
  });
});
