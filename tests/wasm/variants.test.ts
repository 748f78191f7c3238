/** Every variant of the kernels that this engine runs computes what the reference backend defines; products of integers to the bit alike. */
import { afterAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { hasRelaxedSimd } from '../../src/backends/wasm/features.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import type { KernelVariant } from '../../src/backends/wasm/platform.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { wholeSweep } from '../backends.ts';
import { opCases } from '../ops/cases.ts';
import { runCase } from '../ops/run.ts';

/** V8 11 makes wrong code of one instruction, see features.ts. */
const hasRelaxed32 = hasRelaxedSimd() && !process.versions.v8.startsWith('11.');
const variants: KernelVariant[] = [
  'plain',
  ...(hasRelaxedSimd() ? (['relaxed16'] as const) : []),
  ...(hasRelaxed32 ? (['relaxed32'] as const) : []),
];

const reference = createReferenceBackend();
const plain = createWasmBackend({ platform: nodePlatform, threads: 1, variant: 'plain' });
afterAll(async () => (await plain).dispose());

describe.each(variants)('%s', (variant) => {
  const backend = createWasmBackend({ platform: nodePlatform, threads: 1, variant });
  afterAll(async () => (await backend).dispose());

  it.each(wholeSweep ? [101, 102, 103, 104, 105] : [101, 102])('agrees with the definition, seed %i', async (seed) => {
    for (const one of opCases(seed)) {
      const found = await runCase(await backend, one);
      (await runCase(reference, one)).forEach((wanted, i) => {
        const largest = Math.max(1e-30, ...Array.from(wanted, Math.abs));
        wanted.forEach((x, k) => {
          const off = Math.abs((found[i]?.[k] as number) - x);
          if (!(off <= 1e-5 * largest)) expect.fail(`${one.name}: [${k}] is ${found[i]?.[k]}, wanted ${x}`);
        });
      });
      if (one.op.name === 'linearTernary') expect(found, one.name).toEqual(await runCase(await plain, one));
    }
  });
});
