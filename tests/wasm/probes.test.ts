/** Probes of the engine say what is known of the Node versions in use. */
import { expect, it } from 'vitest';
import { describePlatform } from '../../src/backends/wasm/describe.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { engineFeatures, LARGEST_POSSIBLE_MEMORY, largestMemory } from '../../src/backends/wasm/probes.ts';

/** As these versions of V8 are without flags: Node 20 and Node 24. */
const none = { relaxedSimd: false, memory64: false, multiMemory: false, promiseIntegration: false };
const all = { relaxedSimd: true, memory64: true, multiMemory: true, promiseIntegration: true };
const KNOWN: Readonly<Record<string, object>> = {
  '11.3': { simd: true, threads: true, ...none },
  '13.6': { simd: true, threads: true, ...all },
};

const known = KNOWN[process.versions.v8.split('.', 2).join('.')];

/** Flags turn on what a version has not. */
const flagged = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((flag) => flag.includes('wasm'));

it.skipIf(!known || flagged)('knows what this engine has', () => {
  expect(engineFeatures()).toEqual(known);
});

it('grants a memory of some size, shared or not', () => {
  for (const shared of [false, true]) {
    const bytes = largestMemory(shared);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(LARGEST_POSSIBLE_MEMORY);
  }
});

it('describes what would be chosen', () => {
  const { kernels, threads, features } = describePlatform({ ...nodePlatform, cores: 40, canShare: true });
  expect(kernels === 'plain').toBe(!features.relaxedSimd);
  expect(threads).toBe(8);
  expect(describePlatform({ ...nodePlatform, cores: 40, canShare: false }).threads).toBe(1);
});
