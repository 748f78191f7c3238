/** Names an adapter by its numbers, so that a state knows with which one it was read. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { ADAPTER_KEY, type Traces } from '../interventions/provenance.ts';
import type { AdapterFile } from './file.ts';
import { floatsOf } from './live.ts';

export interface AdapterDigest {
  /** Called with all numbers, in the order of the file's changes and then of what it replaces. */
  readonly see: (numbers: Float32Array) => void;
  readonly key: () => string;
}

export function beginDigest({ changes, replaced }: Pick<AdapterFile, 'changes' | 'replaced'>): AdapterDigest {
  const hash = sha256.create();
  const scales = changes.map(({ target, scale }) => [target.name, scale]);
  hash.update(new TextEncoder().encode(JSON.stringify([scales, replaced.map(({ target }) => target.name)])));
  return {
    see: ({ buffer, byteOffset, byteLength }) => void hash.update(new Uint8Array(buffer, byteOffset, byteLength)),
    key: () => ADAPTER_KEY + bytesToHex(hash.digest()).slice(0, 32),
  };
}

/** An adapter affects all positions of a state. */
export const adapterTraces = (key: string): Traces => ({
  traces: (from, to) => (from < to ? [[key, [{ from, to }]]] : []),
});

/** The key of an adapter that is not loaded. */
export async function adapterKey(file: AdapterFile): Promise<string> {
  const { see, key } = beginDigest(file);
  const stored = [...file.changes.flatMap(({ a, b }) => [a, b]), ...file.replaced.map(({ weight }) => weight)];
  for (const one of stored) see(await floatsOf(one));
  return key();
}
