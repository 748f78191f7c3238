/** Commands of attention. */
import type { CommandWriter, Encoder, Located } from './command.ts';

interface AttentionShape {
  readonly tokens: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
}

function attentionWords(to: CommandWriter, addresses: readonly number[], shape: AttentionShape, scale: number): void {
  to.u32(...addresses, shape.tokens, shape.heads, shape.keyHeads, shape.keys, shape.width, shape.valueWidth);
  to.f32(scale);
}

export const attention: Encoder<{ scale: number; starts: readonly number[] }> = (
  to,
  [q, ...past],
  [y],
  { scale, starts },
) => {
  const [, heads = 0, width = 0] = (q as Located).shape;
  for (let i = 0; i + 1 < starts.length; i++) {
    const [k, v] = [past[2 * i] as Located, past[2 * i + 1] as Located];
    const [keys = 0, keyHeads = 0, valueWidth = 0] = v.shape;
    const first = starts[i] as number;
    const tokens = (starts[i + 1] as number) - first;
    const out = (y as Located).address + 4 * first * heads * valueWidth;
    const queries = (q as Located).address + 4 * first * heads * width;
    to.begin('attention', { scratchBytes: 4 * keys });
    const shape = { tokens, heads, keyHeads, keys, width, valueWidth };
    attentionWords(to, [out, queries, k.address, v.address], shape, scale);
  }
};

export const attentionPattern: Encoder<{ scale: number }> = (to, [q, k], [y], { scale }) => {
  const [tokens = 0, heads = 0, width = 0] = (q as Located).shape;
  const [keys = 0, keyHeads = 0] = (k as Located).shape;
  to.begin('attentionPattern');
  const addresses = [(y as Located).address, (q as Located).address, (k as Located).address, 0];
  attentionWords(to, addresses, { tokens, heads, keyHeads, keys, width, valueWidth: 0 }, scale);
};

export const attendPattern: Encoder<undefined> = (to, [pattern, v], [y]) => {
  const [heads = 0, tokens = 0, keys = 0] = (pattern as Located).shape;
  const [, keyHeads = 0, valueWidth = 0] = (v as Located).shape;
  to.begin('attendPattern');
  const addresses = [(y as Located).address, (pattern as Located).address, 0, (v as Located).address];
  attentionWords(to, addresses, { tokens, heads, keyHeads, keys, width: 0, valueWidth }, 1);
};
