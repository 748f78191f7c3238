/** Pickles made by hand, opcode by opcode, for tests. */

export const text = (value: string) => [0x8c, value.length, ...new TextEncoder().encode(value)];
export const global = (module: string, name: string) => [0x63, ...new TextEncoder().encode(`${module}\n${name}\n`)];
export const long = (value: number) => [0x8a, 8, ...new Uint8Array(new BigInt64Array([BigInt(value)]).buffer)];
export const tuple = (items: readonly number[][]) => [0x28, ...items.flat(), 0x74];

/** A view of a storage of bytes; numbers of bytes, not yet true. */
export interface ByteView {
  readonly name?: string;
  readonly key?: string;
  readonly numel: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What torch.save writes for a dictionary of these tensors. */
export function stateDict(views: readonly ByteView[]): number[] {
  const items = views.flatMap(({ name = 'weight', key = '0', numel, offset = 0, shape, strides }) => {
    const storage = [text('storage'), global('torch', 'ByteStorage'), text(key), text('cpu'), long(numel)];
    const [sizes, steps] = [shape, strides].map((counts) => tuple(counts.map(long))) as [number[], number[]];
    const args = [[...tuple(storage), 0x51], long(offset), sizes, steps, [0x89], [0x4e]];
    return [...text(name), ...global('torch._utils', '_rebuild_tensor_v2'), ...tuple(args), 0x52];
  });
  return [0x80, 2, 0x7d, 0x28, ...items, 0x75, 0x2e];
}
