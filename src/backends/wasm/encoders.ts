/** The commands of every op: the words that its kernels expect, in their order (see assembly/). */
import { byteSize, size } from '../../tensor.ts';
import type { Encoder, Located } from './command.ts';
import { attendPattern, attention, attentionPattern } from './encode-attention.ts';
import { expertOutputs, experts, sumSlots } from './encode-experts.ts';
import { formatOf, linear, linearTernary } from './encode-linear.ts';
import { causalConv, selectiveScan } from './encode-recurrence.ts';
import { concat, copyRows, gather, writeRows } from './encode-rows.ts';

/** An op of one kernel that takes pieces of a flat array. */
const flat =
  <Attrs>(kernel: (attrs: Attrs) => string, by: (attrs: Attrs) => number = () => 1): Encoder<Attrs> =>
  (to, [x, second], [y], attrs) => {
    to.begin(kernel(attrs));
    to.u32((y as Located).address, (x as Located).address, second?.address ?? 0, size((y as Located).shape));
    to.f32(by(attrs));
  };

const norm =
  (kernel: string): Encoder<{ eps: number }> =>
  (to, [x, gain, bias], [y], { eps }) => {
    to.begin(kernel);
    to.u32((y as Located).address, (x as Located).address, (gain as Located).address, bias?.address ?? 0);
    to.u32(...(x as Located).shape);
    to.f32(eps);
  };

// biome-ignore lint/suspicious/noExplicitAny: each encoder knows the attributes of its own op
type Encoders = Record<string, Encoder<any>>;

export const encoders: Encoders = {
  embed: (to, [table, ids], [y], { scale }) => {
    const [tokens = 0, width = 0] = (y as Located).shape;
    to.begin('embed');
    to.u32((y as Located).address, (table as Located).address, (ids as Located).address, tokens, width);
    to.u32(formatOf((table as Located).dtype));
    to.f32(scale);
  },
  linear,
  linearTernary,
  quantizeRows: (to, [x], [q, s]) => {
    to.begin('quantizeRows');
    to.u32((q as Located).address, (s as Located).address, (x as Located).address, ...(x as Located).shape);
  },
  layerNorm: norm('layerNorm'),
  rmsNorm: norm('rmsNorm'),
  add: flat(
    () => 'add',
    ({ by }) => by,
  ),
  scale: flat(
    () => 'scale',
    ({ by }) => by,
  ),
  gelu: flat(() => 'gelu'),
  softplus: flat(() => 'softplus'),
  negExp: flat(() => 'negExp'),
  gate: flat(({ activation }) => (activation === 'silu' ? 'gateSilu' : 'gateRelu2')),
  rope: (to, [x, cos, sin], [y]) => {
    to.begin('rope');
    to.u32((y as Located).address, (x as Located).address, (cos as Located).address, (sin as Located).address);
    to.u32(...(x as Located).shape);
  },
  attention,
  attentionPattern,
  attendPattern,
  sumHeads: (to, [z], [y], { by }) => {
    to.begin('sumHeads');
    to.u32((y as Located).address, (z as Located).address, ...(z as Located).shape);
    to.f32(by);
  },
  causalConv,
  selectiveScan,
  topExperts: (to, [logits], [ids, gates], { count }) => {
    to.begin('topExperts');
    to.u32((ids as Located).address, (gates as Located).address, (logits as Located).address);
    to.u32(...(logits as Located).shape, count);
  },
  experts,
  summarizeLogits: (to, [logits, targets], [y], { top }) => {
    to.begin('summarizeLogits');
    to.u32((y as Located).address, (logits as Located).address, targets?.address ?? 0);
    to.u32(...(logits as Located).shape, targets?.shape[1] ?? 0, top);
  },
  expertOutputs,
  sumSlots,
  zeros: (to, _, [y]) => {
    to.begin('zero');
    to.u32((y as Located).address, byteSize((y as Located).shape, 'f32'));
  },
  assign: (to, [target, source]) => {
    const { address, shape, dtype } = source as Located;
    to.begin('copy');
    to.u32((target as Located).address, address, byteSize(shape, dtype));
  },
  markNonFinite: (to, [mark, x]) => {
    to.begin('markNonFinite');
    to.u32((mark as Located).address, (x as Located).address, size((x as Located).shape));
  },
  concat,
  gather,
  writeRows,
  copyRows,
};
