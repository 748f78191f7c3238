/** The commands of every op: the words that its kernels expect, in their order (see assembly/). */
import type { Activation } from '../../ops/index.ts';
import { byteSize, type DType, size } from '../../tensor.ts';
import type { CommandWriter, Encoder, Located } from './command.ts';

/** Codes of assembly/weights.ts. */
const FORMATS: Partial<Record<DType, number>> = { f32: 0, bf16: 1, f16: 2 };

const formatOf = ({ dtype }: Located): number => FORMATS[dtype] as number;

/** Bytes of weights that make up one piece of work: near the size of a first-level cache, a small part of a second-level one. */
const PIECE_BYTES = 1 << 16;

/** Rows of one piece of work: full tiles, and enough pieces for all parts. */
function rowsAtOnce(rows: number, rowBytes: number, parts: number): number {
  const wanted = Math.min(Math.ceil(PIECE_BYTES / rowBytes), Math.ceil(rows / (4 * parts)));
  return Math.max(8, Math.ceil(wanted / 8) * 8);
}

/** What `rowsForTokens` of assembly/linear.ts needs for that many tokens of rows that long. */
function linearScratch(tokens: number, inner: number): number {
  return 12 * tokens + 32 * inner + 64;
}

/** An op of one kernel that takes pieces of a flat array. */
const flat =
  <Attrs>(kernel: (attrs: Attrs) => string, by: (attrs: Attrs) => number = () => 1): Encoder<Attrs> =>
  (to, [x, second], [y], attrs) => {
    to.begin(kernel(attrs));
    to.u32((y as Located).address, (x as Located).address, second?.address ?? 0, size((y as Located).shape));
    to.f32(by(attrs));
  };

const linear: Encoder<undefined> = (to, [x, w, bias], [y]) => {
  const [rows = 0, inner = 0] = (w as Located).shape;
  const [tokens = 0] = (x as Located).shape;
  const rowBytes = byteSize([inner], (w as Located).dtype);
  to.begin('linear', { scratchBytes: linearScratch(tokens, inner) });
  to.u32((y as Located).address, (x as Located).address, (w as Located).address, bias?.address ?? 0);
  to.u32(tokens, rows, inner, formatOf(w as Located), rowsAtOnce(rows, rowBytes, to.parts));
};

const linearTernary: Encoder<{ wScale: 'divide' | 'multiply' }> = (to, [q, s, w, scale, bias], [y], { wScale }) => {
  const [rows = 0, inner = 0] = (w as Located).shape;
  const [tokens = 0] = (q as Located).shape;
  to.begin('linearTernary', { scratchBytes: 4 * tokens + 64 });
  to.u32((y as Located).address, (q as Located).address, (s as Located).address, (w as Located).address);
  to.u32((scale as Located).address, bias?.address ?? 0, tokens, rows, inner, wScale === 'divide' ? 1 : 0);
  to.u32(rowsAtOnce(Math.ceil(rows / 4), inner, to.parts));
};

const norm =
  (kernel: string): Encoder<{ eps: number }> =>
  (to, [x, gain, bias], [y], { eps }) => {
    to.begin(kernel);
    to.u32((y as Located).address, (x as Located).address, (gain as Located).address, bias?.address ?? 0);
    to.u32(...(x as Located).shape);
    to.f32(eps);
  };

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

const attention: Encoder<{ scale: number; starts: readonly number[] }> = (to, [q, ...past], [y], { scale, starts }) => {
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

const attentionPattern: Encoder<{ scale: number }> = (to, [q, k], [y], { scale }) => {
  const [tokens = 0, heads = 0, width = 0] = (q as Located).shape;
  const [keys = 0, keyHeads = 0] = (k as Located).shape;
  to.begin('attentionPattern');
  const addresses = [(y as Located).address, (q as Located).address, (k as Located).address, 0];
  attentionWords(to, addresses, { tokens, heads, keyHeads, keys, width, valueWidth: 0 }, scale);
};

const attendPattern: Encoder<undefined> = (to, [pattern, v], [y]) => {
  const [heads = 0, tokens = 0, keys = 0] = (pattern as Located).shape;
  const [, keyHeads = 0, valueWidth = 0] = (v as Located).shape;
  to.begin('attendPattern');
  const addresses = [(y as Located).address, (pattern as Located).address, 0, (v as Located).address];
  attentionWords(to, addresses, { tokens, heads, keyHeads, keys, width: 0, valueWidth }, 1);
};

const causalConv: Encoder<{ starts: readonly number[] }> = (to, [x, w, bias, ...windows], [y], { starts }) => {
  const [channels = 0, width = 0] = (w as Located).shape;
  windows.forEach((window, i) => {
    const first = starts[i] as number;
    const at = 4 * first * channels;
    to.begin('causalConv', { scratchBytes: 16 * width });
    to.u32((y as Located).address + at, (x as Located).address + at, (w as Located).address, (bias as Located).address);
    to.u32(window.address, (starts[i + 1] as number) - first, channels, width);
  });
};

const selectiveScan: Encoder<{ starts: readonly number[] }> = (to, [x, dt, a, b, c, d, ...states], [y], { starts }) => {
  const [channels = 0, count = 0] = (a as Located).shape;
  states.forEach((state, i) => {
    const first = starts[i] as number;
    const [wide, narrow] = [4 * first * channels, 4 * first * count];
    to.begin('selectiveScan');
    to.u32((y as Located).address + wide, (x as Located).address + wide, (dt as Located).address + wide);
    to.u32((a as Located).address, (b as Located).address + narrow, (c as Located).address + narrow);
    to.u32((d as Located).address, state.address, (starts[i + 1] as number) - first, channels, count);
  });
};

const experts: Encoder<{ activation: Activation }> = (to, [x, ids, gates, wIn, wOut], [y], { activation }) => {
  const [count = 0, width = 0, inner = 0] = (wOut as Located).shape;
  const [tokens = 0, active = 0] = (ids as Located).shape;
  const slots = tokens * active;
  const order = to.temp(4 * slots);
  const starts = to.temp(4 * (count + 1));
  const both = to.temp(8 * slots * inner);
  const hidden = to.temp(4 * slots * inner);
  const fed = to.temp(4 * slots * width);
  const byExpert = (out: number, input: number, w: Located, rows: number, columns: number, divisor: number): void => {
    const rowBytes = byteSize([columns], w.dtype);
    to.begin('linearByExpert', { after: true, scratchBytes: linearScratch(tokens, columns) });
    to.u32(out, input, order, starts, w.address, count, rows, columns, formatOf(w));
    to.u32(rowsAtOnce(rows, rowBytes, to.parts), divisor, tokens);
  };
  to.begin('groupByExpert');
  to.u32(order, starts, (ids as Located).address, slots, count);
  byExpert(both, (x as Located).address, wIn as Located, 2 * inner, width, active);
  to.begin('gateHalves', { after: true });
  to.u32(hidden, both, slots, inner, activation === 'relu2' ? 1 : 0);
  byExpert(fed, hidden, wOut as Located, width, inner, 1);
  to.begin('sumSlots', { after: true });
  to.u32((y as Located).address, fed, (gates as Located).address, tokens, active, width);
};

// biome-ignore lint/suspicious/noExplicitAny: each encoder knows the attributes of its own op
type Encoders = Record<string, Encoder<any>>;

function copy(to: CommandWriter, target: number, source: Located): void {
  to.begin('copy');
  to.u32(target, source.address, byteSize(source.shape, source.dtype));
}

export const encoders: Encoders = {
  embed: (to, [table, ids], [y], { scale }) => {
    const [tokens = 0, width = 0] = (y as Located).shape;
    to.begin('embed');
    to.u32((y as Located).address, (table as Located).address, (ids as Located).address, tokens, width);
    to.u32(formatOf(table as Located));
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
  zeros: (to, _, [y]) => {
    to.begin('zero');
    to.u32((y as Located).address, byteSize((y as Located).shape, 'f32'));
  },
  writeRows: (to, [target, source], _, { at }) => {
    const rowBytes = byteSize((target as Located).shape.slice(1), (target as Located).dtype);
    copy(to, (target as Located).address + at * rowBytes, source as Located);
  },
  assign: (to, [target, source]) => copy(to, (target as Located).address, source as Located),
};
