/**
 * The backends that every law is tried on. TEST_BACKENDS=kernels leaves out the reference, for runs that are about the engine;
 * TEST_BACKENDS=all, as in `npm run test:slow`, tries every case on every one, with more seeds.
 */
import type { Backend } from '../src/backends/backend.ts';
import { createReferenceBackend } from '../src/backends/reference/index.ts';
import { createWasmBackend } from '../src/backends/wasm/index.ts';
import { nodePlatform } from '../src/backends/wasm/platform-node.ts';

const chosen = process.env.TEST_BACKENDS;

/** Whether everything is tried on everything, with every seed. */
export const wholeSweep = chosen === 'all';

type Create = () => Promise<Backend>;

const known: readonly (readonly [name: string, create: Create])[] = [
  ['reference', async () => createReferenceBackend()],
  ['wasm', () => createWasmBackend({ platform: nodePlatform, threads: 1 })],
  ['wasm, 2 threads', () => createWasmBackend({ platform: nodePlatform, threads: 2 })],
  ['wasm, small memories', () => createWasmBackend({ platform: nodePlatform, threads: 3, maxBankBytes: 7 << 20 })],
];

export const backends = known.filter(([name]) => chosen !== 'kernels' || name !== 'reference');

/**
 * Each backend with the cases that are tried on it: on one thread all of them, on each of the others every third. So each case runs on two
 * backends, and each backend runs cases of all kinds.
 */
export function casesByBackend<T>(cases: readonly T[]): readonly (readonly [name: string, create: Create, T[]])[] {
  const others = backends.filter(([name]) => name !== 'wasm');
  const runs = (name: string, i: number) => wholeSweep || name === 'wasm' || others[i % others.length]?.[0] === name;
  return backends
    .map(([name, create]) => [name, create, cases.filter((_, i) => runs(name, i))] as const)
    .filter(([, , some]) => some.length > 0);
}
