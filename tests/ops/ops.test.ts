/** Every backend computes the ops as the reference backend defines them; threads, memories and the width of registers change no bit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { vocabulary } from '../../src/ops/index.ts';
import { wholeSweep } from '../backends.ts';
import { opCases } from './cases.ts';
import { type live, runCase } from './run.ts';

const SEEDS = Array.from({ length: wholeSweep ? 25 : 8 }, (_, i) => i + 1);

/** f32 sums of up to 2500 products, elementary functions within 2 units of the last place. */
const TOLERANCE = 1e-5;

const reference = createReferenceBackend();
let plain: Backend;
let threaded: Backend;
let scattered: Backend;

beforeAll(async () => {
  plain = await createWasmBackend({ platform: { ...nodePlatform, vectorBits: 128 }, threads: 1 });
  threaded = await createWasmBackend({ platform: { ...nodePlatform, vectorBits: 256 }, threads: 3 });
  scattered = await createWasmBackend({ platform: nodePlatform, threads: 2, maxBankBytes: 5 << 20 });
});
afterAll(() => Promise.all([plain.dispose(), threaded.dispose(), scattered.dispose()]));

it('covers the vocabulary', () => {
  const tried = new Set(opCases(1).map(({ op }) => op.name));
  expect([...tried].sort()).toEqual(vocabulary.map(({ name }) => name).sort());
});

describe.each(SEEDS)('seed %i', (seed) => {
  it.each(opCases(seed).map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const wanted = await runCase(reference, one);
    const found = await runCase(plain, one);
    wanted.forEach((numbers, i) => {
      const largest = Math.max(1e-30, ...Array.from(numbers, Math.abs));
      expect(found[i]?.length).toBe(numbers.length);
      numbers.forEach((x, k) => {
        const off = Math.abs((found[i]?.[k] as number) - x);
        const allowed = numbers instanceof Float32Array ? TOLERANCE * largest : 0;
        if (!(off <= allowed)) expect.fail(`output ${i} [${k}] is ${found[i]?.[k]}, wanted ${x}`);
      });
    });
    expect(await runCase(threaded, one)).toEqual(found);
  });
});

it('gives the same bits when tensors lie in different memories', async () => {
  for (const one of SEEDS.slice(0, 3).flatMap(opCases)) {
    const bytes = one.inputs.map(({ data }) => data.byteLength).reduce((a, b) => a + b, 0);
    if (bytes > 100_000) continue; // must fit what a small memory leaves to a step
    // Between one input and the next, so much is taken that the next goes elsewhere.
    const fillers: Awaited<ReturnType<typeof live>>[] = [];
    const scattering: Backend = new Proxy(scattered, {
      get(target, key) {
        if (key !== 'allocate') {
          const value = target[key as keyof Backend] as unknown;
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return (...args: Parameters<Backend['allocate']>) => {
          const tensor = target.allocate(...args);
          fillers.push(target.allocate([2_450_000 / 4], 'f32'));
          return tensor;
        };
      },
    });
    const found = await runCase(scattering, one);
    for (const x of fillers) scattered.free(x);
    expect(found, one.name).toEqual(await runCase(plain, one));
  }
});

it('gives the same bits from the kernel of an op as from the smaller ops that it consists of', async () => {
  const cases = SEEDS.flatMap(opCases).filter(({ op }) => op.compose);
  expect([...new Set(cases.map(({ op }) => op.name))].sort()).toEqual(['copyRows', 'experts']);
  for (const one of cases) {
    const { compose } = one.op;
    const composed = { ...one.op, compose, name: 'a name without a kernel' };
    expect(threaded.has(one.op.name)).toBe(true);
    expect(await runCase(threaded, { ...one, op: composed }), one.name).toEqual(await runCase(threaded, one));
  }
});

it('gives each row the same bits, however many rows come with it', async () => {
  for (const one of SEEDS.flatMap(opCases)) {
    if (
      !/^(linear|experts|expertOutputs|sumSlots|layerNorm|rmsNorm|quantizeRows|sumHeads|intervene|expertGates|divergence)/.test(
        one.name,
      )
    )
      continue;
    if (one.op.mutates) continue; // their sums are over all rows
    const all = await runCase(plain, one);
    const first = one.inputs[0];
    const rows = first?.shape[0] as number;
    const perRow = {
      experts: [0, 1, 2],
      expertGates: [0, 1],
      expertOutputs: [0, 1],
      sumSlots: [0, 1],
      linearTernary: [0, 1],
      linearBackward: [0, 1].slice(0, one.inputs.length / 2),
      linearTernaryBackward: [0, 1],
      expertGatesBackward: [0, 1, 2],
      sumSlotsBackward: [0, 1, 2],
      divergence: [0, 1],
      divergenceBackward: [0, 1, 2],
      intervene: one.inputs[3]?.shape[0] === rows ? [0, 1, 3] : [0, 1],
    }[one.op.name] ?? [0];
    for (let row = 0; row < rows; row++) {
      const inputs = one.inputs.map((input, i) => {
        if (!perRow.includes(i)) return input;
        const width = input.data.length / rows;
        return {
          ...input,
          shape: [1, ...input.shape.slice(1)],
          data: input.data.slice(row * width, (row + 1) * width),
        };
      });
      const alone = await runCase(plain, { ...one, inputs });
      alone.forEach((numbers, i) => {
        const width = numbers.length;
        expect(all[i]?.slice(row * width, (row + 1) * width), `${one.name}, row ${row}`).toEqual(numbers);
      });
    }
  }
});
