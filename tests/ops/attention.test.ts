/** What must hold of attention to the bit, in every format of keys and values, at sizes that span tiles and blocks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { PAGE_ROWS, pagesFor, poolRow } from '../../src/base/pages.ts';
import { rows, type Tensor } from '../../src/base/tensor.ts';
import { KEY_VALUE_DTYPE, KEY_VALUE_FORMATS, type KeyValueFormat } from '../../src/formats/key-values.ts';
import { generator } from './cases.ts';

interface Sizes {
  readonly tokens: number;
  readonly keys: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly width: number;
  readonly valueWidth: number;
}

const SIZES: readonly Sizes[] = [
  { tokens: 70, keys: 70, heads: 4, keyHeads: 2, width: 64, valueWidth: 64 },
  { tokens: 37, keys: 150, heads: 3, keyHeads: 1, width: 48, valueWidth: 80 },
  { tokens: 9, keys: 203, heads: 2, keyHeads: 2, width: 7, valueWidth: 131 },
  { tokens: 5, keys: 66, heads: 8, keyHeads: 2, width: 128, valueWidth: 128 },
];

const SCALE = 0.2;

interface Numbers {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

function numbers({ tokens, keys, heads, keyHeads, width, valueWidth }: Sizes): Numbers {
  const random = generator(keys);
  const some = (count: number) => Float32Array.from({ length: count }, () => 4 * random() - 2);
  return { q: some(tokens * heads * width), k: some(keys * keyHeads * width), v: some(keys * keyHeads * valueWidth) };
}

/** z of the queries `first`..`end`, which see no key after their own; in one step or in two. */
async function attend(
  backend: Backend,
  format: KeyValueFormat,
  sizes: Sizes,
  { q, k, v }: Numbers,
  {
    first = 0,
    end = sizes.tokens,
    pattern = false,
    gains,
  }: { first?: number; end?: number; pattern?: boolean; gains?: Float32Array | undefined } = {},
): Promise<Float32Array> {
  const { tokens, keys, heads, keyHeads, width, valueWidth } = sizes;
  const ops = opsOf(backend);
  const dtype = KEY_VALUE_DTYPE[format];
  const seen = keys - (tokens - end);
  const keysOf = [keys, keyHeads, width];
  const valuesOf = [keys, keyHeads, valueWidth];
  // Every second page, the last one first.
  const count = pagesFor(keys);
  const table = Int32Array.from({ length: count }, (_, i) => 2 * (count - 1 - i));
  const places = Int32Array.from({ length: keys }, (_, s) => poolRow([...table], s));
  const poolRows = 2 * count * PAGE_ROWS;
  const live = {
    k: backend.allocate([poolRows, keyHeads, width], dtype),
    v: backend.allocate([poolRows, keyHeads, valueWidth], dtype),
  };
  const z = await backend.step(async () => {
    const at = ops.upload(places, [keys]);
    ops.writeRows(live.k, ops.upload(k, keysOf), at);
    ops.writeRows(live.v, ops.upload(v, valuesOf), at);
    const queries = rows(ops.upload(q, [tokens, heads, width]), first, end);
    const tables = ops.upload(table, [1, count]);
    const lengths = ops.upload(Int32Array.of(seen), [1]);
    const past = { ...live, tables, lengths, starts: [0, end - first], reaches: [seen] };
    const factors = gains && { gains: ops.upload(gains, [1, gains.length / heads, heads]) };
    return backend.read(ops.attention(queries, { ...past, ...factors }, SCALE, pattern ? [(x) => x] : undefined));
  });
  for (const x of [live.k, live.v]) backend.free(x);
  return z as Float32Array;
}

const reference = createReferenceBackend();
let plain: Backend;
let threaded: Backend;
beforeAll(async () => {
  plain = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  threaded = await createWasmBackend({ platform: nodePlatform, threads: 3 });
});
afterAll(() => Promise.all([plain.dispose(), threaded.dispose()]));

const furthest = (x: Float32Array, y: Float32Array) =>
  x.reduce((most, a, i) => Math.max(most, Math.abs(a - (y[i] as number))), 0);

describe.each(KEY_VALUE_FORMATS)('%s', (format) => {
  describe.each(SIZES)('$tokens queries, $keys keys, $heads heads of $width', (sizes) => {
    const given = numbers(sizes);
    const rowLength = sizes.heads * sizes.valueWidth;

    it('a query gives the same bits alone, in any piece of its prompt, and with any number of threads', async () => {
      const all = await attend(plain, format, sizes, given);
      expect(await attend(threaded, format, sizes, given)).toEqual(all);
      const middle = Math.floor(sizes.tokens / 3);
      for (const [first, end] of [
        [0, middle],
        [middle, sizes.tokens],
        ...Array.from({ length: sizes.tokens }, (_, t) => [t, t + 1] as const),
      ] as const) {
        const some = await attend(plain, format, sizes, given, { first, end });
        expect(some).toEqual(all.slice(first * rowLength, end * rowLength));
      }
    });

    it('gives the same bits when the probabilities are seen', async () => {
      const all = await attend(plain, format, sizes, given);
      expect(await attend(plain, format, sizes, given, { pattern: true })).toEqual(all);
      expect(await attend(threaded, format, sizes, given, { pattern: true })).toEqual(all);
    });

    it('computes what the reference backend defines', async () => {
      const wanted = await attend(reference, format, sizes, given);
      expect(furthest(await attend(plain, format, sizes, given), wanted)).toBeLessThan(5e-6);
    });
  });

  describe.each(SIZES)('with gains, of $tokens queries, $keys keys, $heads heads', (sizes) => {
    const given = numbers(sizes);
    const random = generator(5);
    // More than there are keys, and every third one 0: at the end, too.
    const gains = Float32Array.from({ length: (sizes.keys + 5) * sizes.heads }, (_, i) =>
      (Math.floor(i / sizes.heads) - sizes.keys) % 3 === -1 ? 0 : 3 * random() - 1,
    );

    it('gives the same bits in one step and in two, alone or not, with any number of threads', async () => {
      const all = await attend(plain, format, sizes, given, { gains });
      expect(all).not.toEqual(await attend(plain, format, sizes, given));
      for (const backend of [plain, threaded]) {
        expect(await attend(backend, format, sizes, given, { gains, pattern: true })).toEqual(all);
        expect(await attend(backend, format, sizes, given, { gains })).toEqual(all);
      }
      const rowLength = sizes.heads * sizes.valueWidth;
      for (let t = 0; t < sizes.tokens; t++) {
        const alone = await attend(threaded, format, sizes, given, { gains, first: t, end: t + 1 });
        expect(alone).toEqual(all.slice(t * rowLength, (t + 1) * rowLength));
      }
    });

    it('gives the same bits in one step and in two where a value of gain 0 is infinite', async () => {
      const strange = { ...given, v: given.v.slice() };
      strange.v.fill(Number.POSITIVE_INFINITY, (sizes.keys - 1) * sizes.keyHeads * sizes.valueWidth);
      const all = await attend(plain, format, sizes, strange, { gains });
      expect(await attend(plain, format, sizes, strange, { gains, pattern: true })).toEqual(all);
    });

    it('changes no bit when all are 1', async () => {
      const ones = new Float32Array(gains.length).fill(1);
      for (const pattern of [false, true]) {
        const found = await attend(plain, format, sizes, given, { gains: ones, pattern });
        expect(found).toEqual(await attend(plain, format, sizes, given));
      }
    });

    it('computes what the reference backend defines', async () => {
      const wanted = await attend(reference, format, sizes, given, { gains });
      expect(furthest(await attend(plain, format, sizes, given, { gains }), wanted)).toBeLessThan(1e-5);
    });
  });

  it('what a query may not see does not touch it, whatever it is', async () => {
    const sizes = SIZES[0] as Sizes;
    const given = numbers(sizes);
    const all = await attend(plain, format, sizes, given);
    const strange = { ...given, k: given.k.slice(), v: given.v.slice() };
    const last = sizes.keys - 1;
    strange.k.fill(Number.NaN, last * sizes.keyHeads * sizes.width);
    strange.v.fill(Number.POSITIVE_INFINITY, last * sizes.keyHeads * sizes.valueWidth);
    const before = (sizes.tokens - 1) * sizes.heads * sizes.valueWidth;
    for (const pattern of [false, true]) {
      const found = await attend(plain, format, sizes, strange, { pattern });
      expect(found.slice(0, before)).toEqual(all.slice(0, before));
    }
  });

  it('a query that is not finite stays so, and touches no other', async () => {
    const sizes = SIZES[1] as Sizes;
    const given = numbers(sizes);
    const all = await attend(plain, format, sizes, given);
    const q = given.q.slice();
    q[5 * sizes.heads * sizes.width] = Number.NaN;
    const found = await attend(plain, format, sizes, { ...given, q });
    const row = 5 * sizes.heads * sizes.valueWidth;
    expect(found.slice(row, row + sizes.valueWidth).every(Number.isNaN)).toBe(true);
    const rest = row + sizes.valueWidth;
    expect(found.slice(0, row)).toEqual(all.slice(0, row));
    expect(found.slice(rest)).toEqual(all.slice(rest));
  });

  it('takes scores of any size', async () => {
    const sizes = SIZES[3] as Sizes;
    const given = numbers(sizes);
    const q = given.q.map((x) => 1000 * x);
    const found = await attend(plain, format, sizes, { ...given, q });
    const most = given.v.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(found.every((x) => Math.abs(x) <= 1.01 * most)).toBe(true);
  });
});

/** Root mean square of the error, as a share of that of what is wanted. */
function relativeError(found: Float32Array, wanted: Float32Array): number {
  const sum = (f: (i: number) => number) => wanted.reduce((total, _, i) => total + f(i) ** 2, 0);
  return Math.sqrt(sum((i) => (found[i] as number) - (wanted[i] as number)) / sum((i) => wanted[i] as number));
}

it('of several sequences each has its own gains, also where some are seen and some are not', async () => {
  const [heads, width] = [3, 8];
  const random = generator(11);
  const some = (count: number) => Float32Array.from({ length: count }, () => 2 * random() - 1);
  const reaches = [70, 3, 66];
  const given = { q: some(3 * heads * width), k: some(384 * width), v: some(384 * width), gains: some(3 * 70 * heads) };
  const attended = (backend: Backend, picked: readonly number[], shown: readonly boolean[]) =>
    backend.step(async () => {
      const ops = opsOf(backend);
      const own = (x: Float32Array, size: number) =>
        Float32Array.from(picked.flatMap((b) => [...x.subarray(b * size, (b + 1) * size)]));
      const past = {
        k: ops.upload(given.k, [384, 1, width]),
        v: ops.upload(given.v, [384, 1, width]),
        tables: ops.upload(Int32Array.from(picked.flatMap((b) => [2 * b, 2 * b + 1])), [picked.length, 2]),
        lengths: ops.upload(
          Int32Array.from(picked, (b) => reaches[b] as number),
          [picked.length],
        ),
        starts: [...picked.keys(), picked.length],
        reaches: picked.map((b) => reaches[b] as number),
        gains: ops.upload(own(given.gains, 70 * heads), [picked.length, 70, heads]),
      };
      const q = ops.upload(own(given.q, heads * width), [picked.length, heads, width]);
      const see = shown.map((shows) => (shows ? (x: Tensor) => x : undefined));
      return backend.read(ops.attention(q, past, SCALE, see));
    });
  const all = await attended(plain, [0, 1, 2], [false, false, false]);
  expect(await attended(threaded, [0, 1, 2], [false, true, false])).toEqual(all);
  for (const b of [0, 1, 2])
    expect(await attended(plain, [b], [false])).toEqual(all.slice(b * heads * width, (b + 1) * heads * width));
});

/** What documents may say: f16 changes the outputs of attention by less than 0.04%, i8 by less than 1%. */
it.each([
  ['f16', 4e-4],
  ['i8', 1e-2],
] as const)('%s is off by at most %f', async (format, most) => {
  for (const sizes of SIZES) {
    const given = numbers(sizes);
    const off = relativeError(await attend(plain, format, sizes, given), await attend(plain, 'f32', sizes, given));
    expect(off).toBeLessThan(most);
    expect(off).toBeGreaterThan(most / 100);
  }
});
