/** Zip files made by hand, and sources over bytes, for tests. */
import { type Source, tooShort } from '../../src/checkpoint/source.ts';

export function sourceOf(bytes: Uint8Array, onRead: (offset: number, into: Uint8Array) => void = () => {}): Source {
  return {
    name: 'test.bin',
    size: bytes.length,
    async read(offset, into, signal) {
      signal?.throwIfAborted();
      onRead(offset, into);
      const end = offset + into.length;
      if (end > bytes.length) throw tooShort('test.bin', bytes.length, end);
      into.set(bytes.subarray(offset, end));
    },
    close: async () => {},
  };
}

export interface Entry {
  readonly name: string;
  readonly data: ArrayLike<number>;
  readonly method?: number;
  readonly flags?: number;
}

export function zipOf(entries: readonly Entry[], comment = ''): Uint8Array {
  const bytes: number[] = [];
  const directory: number[] = [];
  for (const { name, data, method = 0, flags = 0 } of entries) {
    const label = [...new TextEncoder().encode(name)];
    const shared = [u16(flags), u16(method), u32(0), u32(0), u32(data.length), u32(data.length), u16(label.length)];
    directory.push(...u32(0x02014b50), ...u16(20), ...u16(20), ...shared.flat(), ...u16(0), ...u16(0), ...u16(0));
    directory.push(...u16(0), ...u32(0), ...u32(bytes.length), ...label);
    bytes.push(...u32(0x04034b50), ...u16(20), ...shared.flat(), ...u16(5), ...label, 9, 9, 9, 9, 9); // as torch pads
    for (const byte of Array.from(data)) bytes.push(byte);
  }
  const text = [...new TextEncoder().encode(comment)];
  const counts = [u16(0), u16(0), u16(entries.length), u16(entries.length), u32(directory.length), u32(bytes.length)];
  const end = [...u32(0x06054b50), ...counts.flat(), ...u16(text.length), ...text];
  return new Uint8Array([...bytes, ...directory, ...end]);
}

export const u16 = (n: number): number[] => [n & 255, n >> 8];
export const u32 = (n: number): number[] => [...new Uint8Array(new Uint32Array([n]).buffer)];
export const u64 = (n: number): number[] => [...new Uint8Array(new BigUint64Array([BigInt(n)]).buffer)];
