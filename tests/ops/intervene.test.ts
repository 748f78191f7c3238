/** What an intervention leaves alone keeps its bits; what it sets is set exactly. On all backends, views included. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { type InterventionKind, neutralOf } from '../../src/ops/index.ts';
import { generator } from './cases.ts';

const backends: Record<string, Backend> = {};
beforeAll(async () => {
  backends.reference = createReferenceBackend();
  backends.wasm = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  backends.threaded = await createWasmBackend({ platform: nodePlatform, threads: 3 });
});
afterAll(() => Promise.all(Object.values(backends).map((backend) => backend.dispose())));

const KINDS: readonly InterventionKind[] = ['add', 'scale', 'set', 'project'];
const [T, GROUPS, WIDTH] = [5, 3, 7];
const W = GROUPS * WIDTH;

/** Bits that arithmetic would not keep: -0, infinities, the smallest number, NaN with a payload. */
const STRANGE = [0x80000000, 0x7f800000, 0xff800000, 0x00000001, 0x7fc12345, 0xffe54321];

const random = generator(7);
const x = Float32Array.from({ length: T * W }, () => 4 * random() - 2);
const strange = new Float32Array(Uint32Array.from({ length: T * W }, (_, i) => STRANGE[i % 6] as number).buffer);
const vector = Float32Array.from({ length: W }, () => random() - 0.5);

interface Given {
  readonly kind: InterventionKind;
  readonly x: Float32Array;
  readonly by: readonly number[];
  readonly channels: readonly number[];
  readonly vector?: Float32Array;
}

/** y as bits. x is a view in the middle of a larger tensor. */
async function bitsOf(backend: Backend, { kind, by, channels, ...given }: Given): Promise<Uint32Array> {
  const ops = opsOf(backend);
  const pool = new Float32Array((T + 2) * W);
  pool.set(given.x, W);
  const y = (await backend.step(async () => {
    const rows = ops.rows(ops.upload(pool, [T + 2, GROUPS, WIDTH]), 1, T + 1);
    const v = kind === 'scale' ? {} : { vector: ops.upload(given.vector ?? vector, [1, W]) };
    const strengths = ops.upload(Float32Array.from(by), [T]);
    const on = ops.upload(Float32Array.from(channels), [W]);
    return backend.read(ops.intervene(rows, { kind, by: strengths, channels: on, width: WIDTH, ...v }));
  })) as Float32Array;
  return new Uint32Array(y.buffer, y.byteOffset, y.length);
}

const bits = (numbers: Float32Array) => new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
const all = Array.from({ length: W }, () => 1);
const odd = Array.from({ length: W }, (_, c) => c % 2);

describe.each(['reference', 'wasm', 'threaded'])('%s', (name) => {
  const backend = () => backends[name] as Backend;

  it.each(KINDS)('%s keeps the bits of rows of neutral strength, and changes the others', async (kind) => {
    const neutral = neutralOf(kind);
    const by = [2, neutral, 2, neutral, 2];
    const mixed = x.slice();
    for (const row of [1, 3]) mixed.set(strange.subarray(row * W, (row + 1) * W), row * W);
    const found = await bitsOf(backend(), { kind, x: mixed, by, channels: all });
    for (const row of [1, 3]) {
      expect(found.slice(row * W, (row + 1) * W)).toEqual(bits(strange).slice(row * W, (row + 1) * W));
    }
    for (const row of [0, 2, 4]) expect(found[row * W]).not.toBe(bits(mixed)[row * W]);
  });

  it.each(KINDS)('%s keeps the bits of channels that are left', async (kind) => {
    const given = bits(x).map((b, i) => ((i % W) % 2 ? b : (bits(strange)[i] as number)));
    const found = await bitsOf(backend(), {
      kind,
      x: new Float32Array(given.buffer),
      by: [2, 2, 2, 2, 2],
      channels: odd,
    });
    expect(found.filter((_, i) => !((i % W) % 2))).toEqual(given.filter((_, i) => !((i % W) % 2)));
    const finite = new Float32Array(found.buffer, found.byteOffset, found.length).filter((_, i) => (i % W) % 2);
    expect(finite.every(Number.isFinite)).toBe(true);
    expect(found.some((b, i) => (i % W) % 2 && b !== given[i])).toBe(true);
  });

  it('set puts the vector in its place, infinite or not, whatever was there', async () => {
    const target = vector.slice();
    target[3] = Number.NEGATIVE_INFINITY;
    target[4] = -0;
    const found = await bitsOf(backend(), {
      kind: 'set',
      x: strange,
      by: [1, 1, 1, 1, 1],
      channels: all,
      vector: target,
    });
    for (let row = 0; row < T; row++) expect(found.slice(row * W, (row + 1) * W)).toEqual(bits(target));
  });

  it('project leaves nothing along a direction of unit length', async () => {
    const unit = vector.slice();
    for (let g = 0; g < W; g += WIDTH) {
      const length = Math.hypot(...unit.subarray(g, g + WIDTH));
      for (let c = g; c < g + WIDTH; c++) (unit[c] as number) /= length;
    }
    const found = await bitsOf(backend(), { kind: 'project', x, by: [1, 1, 1, 1, 1], channels: all, vector: unit });
    const y = new Float32Array(found.buffer, found.byteOffset, found.length);
    for (let first = 0; first < T * W; first += WIDTH) {
      let along = 0;
      for (let i = 0; i < WIDTH; i++) along += (y[first + i] as number) * (unit[(first + i) % W] as number);
      expect(Math.abs(along)).toBeLessThan(1e-6);
    }
  });
});
