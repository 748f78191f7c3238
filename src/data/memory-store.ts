/** Tokens in memory. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { TokenBlock } from './token-buffer.ts';
import type { TokenStore } from './token-store.ts';

/** `block` must hold whole documents. */
export function memoryStore({ ids, mask, ends }: TokenBlock): TokenStore {
  const bytesOf = (data: Uint8Array | Uint32Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const hash = sha256.create().update(bytesOf(ids)).update(bytesOf(ends));
  if (mask) hash.update(mask);
  return {
    tokens: ids.length,
    documents: ends.length,
    isMasked: mask !== undefined,
    fileEnds: [ids.length],
    identity: bytesToHex(hash.digest()),
    read: async (start, length) => ({
      ids: ids.subarray(start, start + length),
      mask: mask?.subarray(start, start + length),
    }),
    documentEnds: async () => Float64Array.from(ends),
    close: async () => undefined,
  };
}
