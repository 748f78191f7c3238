/** The backends that every law is tried on. */
import type { Backend } from '../src/backends/backend.ts';
import { createReferenceBackend } from '../src/backends/reference/index.ts';
import { createWasmBackend } from '../src/backends/wasm/index.ts';
import { nodePlatform } from '../src/backends/wasm/platform-node.ts';

export const backends: readonly (readonly [name: string, create: () => Promise<Backend>])[] = [
  ['reference', async () => createReferenceBackend()],
  ['wasm', () => createWasmBackend({ platform: nodePlatform, threads: 1 })],
  ['wasm, 2 threads', () => createWasmBackend({ platform: nodePlatform, threads: 2 })],
  ['wasm, small memories', () => createWasmBackend({ platform: nodePlatform, threads: 3, maxBankBytes: 7 << 20 })],
];
