/** The backends that every law is tried on. */
import type { Backend } from '../src/backends/backend.ts';
import { createReferenceBackend } from '../src/backends/reference/index.ts';

export const backends: readonly (readonly [name: string, create: () => Promise<Backend>])[] = [
  ['reference', async () => createReferenceBackend()],
];
