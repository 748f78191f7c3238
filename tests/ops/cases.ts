/** Inputs for every op of the vocabulary, of odd sizes, drawn from a seed. */

import { PAGE_ROWS, pagesFor } from '../../src/base/pages.ts';
import type { ElementType, Shape } from '../../src/base/tensor.ts';
import { size } from '../../src/base/tensor.ts';
import { i8Rows } from '../../src/formats/i8-rows.ts';
import { q4 } from '../../src/formats/q4.ts';
import { q8 } from '../../src/formats/q8.ts';
import { ternary } from '../../src/formats/ternary.ts';
import type { Op, vocabulary } from '../../src/ops/index.ts';
import * as ops from '../../src/ops/index.ts';

export interface Input {
  readonly shape: Shape;
  readonly dtype: ElementType;
  /** f32 or integers; converted to the dtype when they are filled in. */
  readonly data: Float32Array | Int32Array | Int8Array;
}

export interface OpCase {
  readonly name: string;
  readonly op: Op<never>;
  readonly inputs: readonly Input[];
  readonly attrs: unknown;
}

export type OpName = (typeof vocabulary)[number]['name'];

/** A small generator (mulberry32): the same seed, the same numbers. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function opCases(seed: number): OpCase[] {
  const random = generator(seed);
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const floats = (shape: Shape, from = -2, to = 2, dtype: ElementType = 'f32'): Input => ({
    shape,
    dtype,
    data: Float32Array.from({ length: size(shape) }, () => from + random() * (to - from)),
  });
  const ints = (shape: Shape, from: number, to: number): Input => ({
    shape,
    dtype: 'i32',
    data: Int32Array.from({ length: size(shape) }, () => between(from, to)),
  });
  const cases: OpCase[] = [];
  const add = (name: string, inputs: readonly Input[], attrs?: unknown, note = '') => {
    const op = ops.vocabulary.find((candidate) => candidate.name === name) as unknown as Op<never>;
    cases.push({ name: note ? `${name} ${note}` : name, op, inputs, attrs });
  };

  const t = between(1, 9);
  const m = between(1, 70);
  const n = between(1, 45);
  for (const dtype of ['f32', 'f16', 'bf16', q8, q4] as const) {
    add('embed', [floats([n, m], -2, 2, dtype), ints([t], 0, n - 1)], { scale: 1.5 }, String(dtype));
    const matrix = (rows: number) => floats([rows, m], -2, 2, dtype);
    add('linear', [floats([t, m]), matrix(n)], { count: 1 }, String(dtype));
    add('linear', [floats([t, m]), matrix(n), matrix(3), matrix(m)], { count: 3 }, `${dtype}, three matrices`);
    const biased = [floats([t, m]), matrix(n), matrix(2), floats([n]), floats([2])];
    add('linear', biased, { count: 2 }, `${dtype} with bias`);
    // Enough for the four places that single tokens are computed in by turns.
    add('linear', [floats([between(1, 4), m]), matrix(between(65, 400))], { count: 1 }, `${dtype}, many rows`);
  }
  const rows = between(1, 40);
  const j = between(1, 2500);
  const signs = (rows: number, j: number): Input => ({
    shape: [rows, j],
    dtype: ternary,
    data: Float32Array.from({ length: rows * j }, () => between(-1, 1)),
  });
  const packed = signs(rows, j);
  const codesOf = (t: number, j: number): Input => ({
    shape: [t, j],
    dtype: 'i8',
    data: Int8Array.from({ length: t * j }, () => between(-128, 127)),
  });
  const codes = codesOf(t, j);
  for (const wScale of ['divide', 'multiply'] as const) {
    const scales = [floats([1], 0.5, 3), floats([1], 0.5, 3)];
    const inputs = [codes, floats([t], 1, 90), packed, packed, ...scales];
    add('linearTernary', inputs, { wScale, count: 2 }, wScale);
  }
  const biased = [codes, floats([t], 1, 9), packed, floats([1], 0.5, 3), floats([rows])];
  add('linearTernary', biased, { wScale: 'divide', count: 1 }, 'bias');
  const [many, few] = [between(260, 900), between(1, 70)];
  const tall = [codesOf(t, few), floats([t], 1, 9), signs(many, few), floats([1], 0.5, 3)];
  add('linearTernary', tall, { wScale: 'divide', count: 1 }, 'many rows');
  add('quantizeRows', [floats([t, m], -30, 30)]);
  add('layerNorm', [floats([t, m], -3, 5), floats([m]), floats([m])], { eps: 1e-5 });
  add('rmsNorm', [floats([t, m]), floats([m])], { eps: 1e-6 });
  add('add', [floats([t, m]), floats([t, m])], { by: 0.22 });
  add('scale', [floats([t, m])], { by: -3.5 });
  add('gelu', [floats([t, m], -12, 12)]);
  add('softplus', [floats([t, m], -30, 30)]);
  add('negExp', [floats([t, m], -20, 5)]);
  for (const activation of ['silu', 'relu2'] as const) {
    add('gate', [floats([t, m], -30, 30), floats([t, m])], { activation }, activation);
  }
  const half = between(1, 9);
  const keyHeads = between(1, 3);
  const h = keyHeads * between(1, 3);
  add('rope', [floats([t, h, 2 * half]), floats([t, half], -1, 1), floats([t, half], -1, 1)]);

  const lengths = Array.from({ length: between(1, 3) }, () => between(0, 5));
  const starts = [0];
  for (const length of lengths) starts.push((starts.at(-1) as number) + length);
  const total = starts.at(-1) as number;
  const [d, dv] = [between(1, 40), between(1, 40)];
  /** Different numbers below `count`. */
  const some = (length: number, count: number): Input => {
    const all = Array.from({ length: count }, (_, i) => [random(), i] as const).sort(([p], [q]) => p - q);
    return { shape: [length], dtype: 'i32', data: Int32Array.from(all.slice(0, length), ([, i]) => i) };
  };
  const reaches = lengths.map((length) => length + between(length === 0 ? 1 : 0, 200));
  const width0 = Math.max(...reaches.map(pagesFor));
  for (const dtype of ['f32', 'f16', i8Rows] as const) {
    const pages = lengths.length * width0;
    const pool = (row: number) => floats([(pages + 1) * PAGE_ROWS, keyHeads, row], -2, 2, dtype);
    const tables: Input = { ...some(pages, pages + 1), shape: [lengths.length, width0] };
    const reach: Input = { shape: [lengths.length], dtype: 'i32', data: Int32Array.from(reaches) };
    const past = [pool(d), pool(dv), tables, reach];
    add('attention', [floats([total, h, d]), ...past], { scale: 0.3, starts }, String(dtype));
    const gains = floats([lengths.length, Math.max(...reaches) + between(0, 3), h], -1, 2);
    add('attention', [floats([total, h, d]), ...past, gains], { scale: 0.3, starts }, `${dtype} with gains`);
    if (dtype === 'f32') {
      // z may be any, since the rule takes it as given.
      const later = [floats([total, h, d]), ...past, floats([total, h, dv]), floats([total, h, dv])];
      add('attentionBackward', later, { scale: 0.3, starts });
      add('attentionBackward', [...later, gains], { scale: 0.3, starts }, 'with gains');
    }
    const s = t + between(0, 100);
    const table: Input = { ...some(pagesFor(s), pages + 1 + pagesFor(s)), shape: [1, pagesFor(s)] };
    const wide = (row: number) => floats([(pages + 1 + pagesFor(s)) * PAGE_ROWS, keyHeads, row], -2, 2, dtype);
    add('attentionPattern', [floats([t, h, d]), wide(d), table], { scale: 0.3, keys: s }, String(dtype));
    add('attendPattern', [floats([h, t, s], 0, 1), wide(dv), table], undefined, String(dtype));
    const ownGains = floats([1, s + between(0, 3), h], -1, 2);
    add('attendPattern', [floats([h, t, s], 0, 1), wide(dv), table, ownGains], undefined, `${dtype} with gains`);
    // From the smallest halves to beyond the largest one.
    const shape = [t, keyHeads, d];
    const numbers = Float32Array.from({ length: size(shape) }, () => (random() - 0.5) * 2 ** between(-26, 17));
    const room = floats([t + 3, keyHeads, d], -2, 2, dtype);
    add('writeRows', [room, { shape, dtype: 'f32', data: numbers }, some(t, t + 3)], undefined, `of keys, ${dtype}`);
    const [from, to] = [some(2 * t, 2 * t).data.slice(0, t), some(2 * t, 2 * t).data.slice(0, t)];
    const apart = (x: Input['data']): Input => ({ shape: [t], dtype: 'i32', data: x as Int32Array });
    const second = Int32Array.from(to, (x) => x + 2 * t);
    add('copyRows', [floats([4 * t, keyHeads, d], -2, 2, dtype), apart(from), apart(second)], undefined, String(dtype));
    add('gather', [floats([t + 3, keyHeads, d], -2, 2, dtype), ints([t], 0, t + 2)], undefined, String(dtype));
    add('concat', [floats([t, d], -2, 2, dtype), floats([1, d], -2, 2, dtype)], undefined, String(dtype));
  }
  add('sumHeads', [floats([t, h, m])], { by: 0.25 });

  const e = between(1, 70);
  const width = between(1, 5);
  const slots = some(lengths.length, lengths.length + 2);
  const windows = floats([lengths.length + 2, width - 1, e]);
  add('causalConv', [floats([total, e]), floats([e, width]), floats([e]), windows, slots], { starts });
  const states = between(1, 20);
  const scan = [floats([total, e]), floats([total, e], 0, 1), floats([e, states], -4, 0)];
  const mix = [floats([total, states]), floats([total, states]), floats([e])];
  // Longer sequences for the backward ops: they go through chunks of tokens, and wait for later tokens.
  const longStarts = { starts: [0] };
  for (let i = between(1, 3); i > 0; i--) longStarts.starts.push((longStarts.starts.at(-1) as number) + between(0, 80));
  const sum = longStarts.starts.at(-1) as number;
  const reads = longStarts.starts.slice(1).map((end, i) => end - (longStarts.starts[i] as number));
  const most = Math.max(1, ...reads.map(pagesFor));
  const rowsOfPool = reads.length * most * PAGE_ROWS;
  const longPast = [floats([rowsOfPool, keyHeads, d]), floats([rowsOfPool, keyHeads, dv])];
  const longTables: Input = { ...some(reads.length * most, reads.length * most), shape: [reads.length, most] };
  const longReach: Input = { shape: [reads.length], dtype: 'i32', data: Int32Array.from(reads) };
  const after = [longTables, longReach, floats([sum, h, dv]), floats([sum, h, dv])];
  add(
    'attentionBackward',
    [floats([sum, h, d]), ...longPast, ...after],
    { scale: 0.3, ...longStarts },
    'of long texts',
  );
  const convolved = [floats([sum, e]), floats([e, width]), floats([e]), floats([sum, e])];
  add('causalConvBackward', [...convolved, floats([e, width]), floats([e])], longStarts);
  const scanned = [floats([sum, e]), floats([sum, e], 0, 1), floats([e, states], -4, 0)];
  const mixed = [floats([sum, states]), floats([sum, states]), floats([e]), floats([sum, e])];
  add('selectiveScanBackward', [...scanned, ...mixed, floats([e, states]), floats([e])], longStarts);
  add('selectiveScan', [...scan, ...mix, floats([lengths.length + 2, e, states]), slots], { starts });

  const x = between(1, 12);
  const a = between(1, x);
  const words = between(5, 300);
  add('summarizeLogits', [floats([t, words], -20, 20), ints([t, a], 0, words - 1)], { top: between(0, 5) });
  add(
    'summarizeLogits',
    [floats([t, words], -90, 90)],
    { top: between(1, words < 40 ? words : 40) },
    'without targets',
  );
  add('topExperts', [floats([t, x])], { count: a });
  const chosen: Input = {
    shape: [t, a],
    dtype: 'i32',
    data: Int32Array.from(
      Array.from({ length: t }, () => {
        const all = Array.from({ length: x }, (_, i) => [random(), i] as const);
        return all
          .sort(([p], [q]) => p - q)
          .slice(0, a)
          .map(([, i]) => i);
      }).flat(),
    ),
  };
  add('expertGates', [floats([t, x], -9, 9), chosen]);
  add('expertGatesBackward', [chosen, floats([t, a], 0, 1), floats([t, a])], { experts: x });
  add('sumSlotsBackward', [floats([t, a, m]), floats([t, a]), floats([t, m])]);
  for (const dtype of ['f32', 'bf16', 'f16', q8, q4] as const) {
    const inner = between(1, 30);
    const w = [floats([x, 2 * inner, m], -1, 1, dtype), floats([x, m, inner], -1, 1, dtype)];
    add('experts', [floats([t, m]), chosen, floats([t, a], 0, 1), ...w], { activation: 'silu' }, String(dtype));
    add('expertOutputs', [floats([t, m]), chosen, ...w], { activation: 'relu2' }, String(dtype));
    const half = between(0, 2) * 16;
    const map = floats([x, half + inner, m], -1, 1, dtype);
    const dy = floats([t * a, inner]);
    add('expertLinear', [floats([t, m]), chosen, map], { from: half, to: half + inner }, String(dtype));
    add('expertLinearBackward', [dy, chosen, map], { from: half, to: half + inner }, String(dtype));
    const given = [floats([t, m]), chosen, ...w, floats([t, a, m])];
    add('expertOutputsBackward', given, { activation: 'relu2' }, String(dtype));
    if (dtype !== 'f32') continue;
    const sums = w.map(({ shape }) => floats(shape));
    add('expertOutputsBackward', [...given, ...sums], { activation: 'silu' }, 'with weights');
  }
  add('addExpertOuter', [floats([x, 9, m]), floats([t * a, 4]), floats([t, m]), chosen], { from: 3, to: 7 });
  add('sumSlots', [floats([t, a, m]), floats([t, a], 0, 1)]);
  const mark: Input = { shape: [1], dtype: 'i32', data: Int32Array.of(0) };
  add('markNonFinite', [mark, floats([t, m])]);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const some = floats([t, 40 * m]);
    some.data[between(0, some.data.length - 1)] = bad;
    add('markNonFinite', [mark, some], undefined, String(bad));
  }
  // A neutral row and a left channel among others; rows wider than a piece of work.
  const strengths = (count: number): Input => ({
    shape: [count],
    dtype: 'f32',
    data: Float32Array.from({ length: count }, () => [0, 1, -0.5, 2.25][between(0, 3)] as number),
  });
  const someOn = (count: number): Input => ({
    shape: [count],
    dtype: 'f32',
    data: Float32Array.from({ length: count }, () => between(0, 2) && 1),
  });
  for (const kind of ['add', 'scale', 'set', 'project'] as const) {
    for (const vectors of kind === 'scale' ? [0] : [1, t]) {
      const groups = between(1, 9);
      const inner = [groups, kind === 'project' ? between(1, 400) : m];
      const width = size(inner);
      const vector = vectors ? [floats([vectors, width], -0.1, 0.1)] : [];
      const given = [floats([t, ...inner]), strengths(t), someOn(width), ...vector];
      add('intervene', given, { kind, width: inner[1] }, `${kind}, ${vectors} vectors`);
    }
  }
  // Backward ops and those of training: rows and columns beyond a tile and a piece, and sums beyond a block.
  const wide = between(1, 300);
  const deep = [between(1, 20), between(200, 600)][between(0, 1)] as number;
  for (const dtype of ['f32', 'f16', 'bf16', q8, q4] as const) {
    const [rows1, rows2] = [deep, between(1, 40)];
    const dys = [floats([t, rows1]), floats([t, rows2])];
    const ws = [floats([rows1, wide], -2, 2, dtype), floats([rows2, wide], -2, 2, dtype)];
    add('linearBackward', [...dys, ...ws], undefined, `${dtype}, two matrices`);
    add('linearBackward', [floats([between(1, 40), rows1]), ws[0] as Input], undefined, String(dtype));
  }
  for (const wScale of ['divide', 'multiply'] as const) {
    const pair = [floats([t, deep]), floats([t, rows]), signs(deep, wide), signs(rows, wide)];
    add('linearTernaryBackward', [...pair, floats([1], 0.5, 3), floats([1], 0.5, 3)], { wScale }, wScale);
  }
  const many2 = between(1, 80);
  add('addOuter', [floats([many2, wide]), floats([deep, many2]), floats([deep, wide])]);
  add('addColumns', [floats([wide]), floats([many2, wide])]);
  add('addRows', [floats([n, 2, m]), floats([many2, 2, m]), ints([many2], 0, n - 1)], { by: -1.5 });
  add('accumulate', [floats([many2, wide]), floats([many2, wide])], { by: 0.7 });
  add('multiply', [floats([t, m]), floats([t, m])]);
  add('geluBackward', [floats([t, m], -12, 12), floats([t, m])]);
  add('softplusBackward', [floats([t, m], -30, 30), floats([t, m])]);
  for (const activation of ['silu', 'relu2'] as const) {
    add('gateBackward', [floats([t, m], -30, 30), floats([t, m]), floats([t, m])], { activation }, activation);
  }
  const broad = m + 2; // of fewer numbers only the rounding would be left
  const normed = [floats([many2, broad], -3, 5), floats([broad]), floats([many2, broad])];
  add('layerNormBackward', [...normed, floats([broad]), floats([broad])], { eps: 1e-5 });
  add('rmsNormBackward', [...normed, floats([broad])], { eps: 1e-6 });
  add('repeatHeads', [floats([t, m])], { by: 0.25, heads: h });
  const goals = ints([t], -1, words - 1);
  add('crossEntropy', [floats([t, words], -20, 20), goals]);
  add('crossEntropyBackward', [floats([t, words], -20, 20), goals, floats([t, 2])]);
  const predictions = [floats([t, words], -9, 9), floats([t, words], -9, 9)];
  add('divergence', predictions);
  add('convert', [floats([many2, wide], -30, 30)], { to: 'bf16' }, 'to bf16');
  add('convert', [floats([many2, wide], -30, 30, 'bf16')], { to: 'f32' }, 'from bf16');
  add('divergenceBackward', [...predictions, floats([t])]);
  for (const lambda of [0, 0.3, 1]) {
    add('trainTernary', [floats([many2, wide])], { lambda }, `lambda ${lambda}`);
    add('trainInt8', [floats([many2, wide], -30, 30)], { lambda }, `lambda ${lambda}`);
  }
  add('sumSquares', [floats([many2, wide])]);
  const moments = [floats([many2, m], -0.5, 0.5), floats([many2, m], 0, 0.3)];
  const step = { lr: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, decay: 0.1, scale: 0.7, step: between(1, 9) };
  add('adamw', [floats([many2, m]), floats([many2, m]), ...moments], step);
  const layers = between(1, 3);
  const balance = { layer: between(0, layers - 1), count: a, pooled: between(0, 1) === 1, balance: 0.1, z: 0.02 };
  const routed = [floats([many2, x], -5, 5), floats([layers, 2 * x + 1], 0, 9)];
  add('balanceLoad', routed, balance);
  add('balanceLoadBackward', routed, balance);
  add('zeros', [], { shape: [t, m] });
  add('writeRows', [floats([t + 3, m]), floats([t, m]), some(t, t + 3)]);
  add('reshape', [floats([t, 2, m])], { shape: [2 * t, m] });
  add('rows', [floats([t, m])], { from: between(0, t - 1), to: t });
  add('assign', [floats([t, m]), floats([t, m])]);
  return cases;
}
