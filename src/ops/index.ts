/** The ops that models are written in. Every method is one `apply` of the tracer. */
import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import { type AdamWAttrs, adamw } from './adamw.ts';
import { assign } from './assign.ts';
import { attendPattern } from './attend-pattern.ts';
import { attention } from './attention.ts';
import { attentionPattern } from './attention-pattern.ts';
import { accumulate } from './backward/accumulate.ts';
import { addColumns } from './backward/add-columns.ts';
import { addExpertOuter } from './backward/add-expert-outer.ts';
import { addOuter } from './backward/add-outer.ts';
import { addRows } from './backward/add-rows.ts';
import { attentionBackward } from './backward/attention-backward.ts';
import { type BalanceAttrs, balanceLoadBackward } from './backward/balance-load-backward.ts';
import { causalConvBackward } from './backward/causal-conv-backward.ts';
import { crossEntropyBackward } from './backward/cross-entropy-backward.ts';
import { divergenceBackward } from './backward/divergence-backward.ts';
import { gateBackward, geluBackward, multiply, softplusBackward } from './backward/elementwise-backward.ts';
import { expertGatesBackward } from './backward/expert-gates-backward.ts';
import { expertLinearBackward } from './backward/expert-linear-backward.ts';
import { expertOutputsBackward } from './backward/expert-outputs-backward.ts';
import { linearBackward } from './backward/linear-backward.ts';
import { linearTernaryBackward } from './backward/linear-ternary-backward.ts';
import { layerNormBackward, rmsNormBackward } from './backward/norm-backward.ts';
import { repeatHeads } from './backward/repeat-heads.ts';
import { selectiveScanBackward } from './backward/selective-scan-backward.ts';
import { sumSlotsBackward } from './backward/sum-slots-backward.ts';
import { balanceLoad } from './balance-load.ts';
import { causalConv } from './causal-conv.ts';
import { concat } from './concat.ts';
import { convert } from './convert.ts';
import { copyRows } from './copy-rows.ts';
import { crossEntropy } from './cross-entropy.ts';
import { divergence } from './divergence.ts';
import { type Activation, add, gate, gelu, negExp, scale, softplus } from './elementwise.ts';
import { embed } from './embed.ts';
import { expertGates } from './expert-gates.ts';
import { type ExpertRows, expertLinear } from './expert-linear.ts';
import { expertOutputs } from './expert-outputs.ts';
import { experts } from './experts.ts';
import { gather } from './gather.ts';
import { type InterveneAttrs, intervene } from './intervene.ts';
import { layerNorm } from './layer-norm.ts';
import { linear } from './linear.ts';
import { linearTernary } from './linear-ternary.ts';
import { markNonFinite } from './mark-non-finite.ts';
import { checkGains } from './pools.ts';
import { quantizeRows } from './quantize-rows.ts';
import { reshape } from './reshape.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import { trainInt8, trainTernary } from './round-in-training.ts';
import { rows } from './rows.ts';
import { selectiveScan } from './selective-scan.ts';
import { sumHeads } from './sum-heads.ts';
import { sumSlots } from './sum-slots.ts';
import { sumSquares } from './sum-squares.ts';
import { summarizeLogits } from './summarize-logits.ts';
import { topExperts } from './top-experts.ts';
import type { Apply, Derived, Tracer } from './tracer.ts';
import { writeRows } from './write-rows.ts';
import { zeros } from './zeros.ts';

export type { Activation } from './elementwise.ts';
export type { Backward } from './gradient.ts';
export { type InterventionKind, neutralOf } from './intervene.ts';
export { type Op, outputsOf, type TensorSpec } from './op.ts';
export { ShapeTracer } from './shape-tracer.ts';
export type { Apply, Derived, Tracer } from './tracer.ts';

/** Every op, for backends and tests that need all of them. */
export const vocabulary = [
  embed,
  linear,
  linearTernary,
  quantizeRows,
  layerNorm,
  rmsNorm,
  add,
  scale,
  gelu,
  softplus,
  negExp,
  gate,
  rope,
  attention,
  attentionPattern,
  attendPattern,
  sumHeads,
  causalConv,
  selectiveScan,
  topExperts,
  expertGates,
  experts,
  summarizeLogits,
  expertOutputs,
  expertLinear,
  sumSlots,
  zeros,
  assign,
  concat,
  gather,
  writeRows,
  copyRows,
  markNonFinite,
  intervene,
  accumulate,
  addOuter,
  addColumns,
  addRows,
  multiply,
  geluBackward,
  softplusBackward,
  gateBackward,
  layerNormBackward,
  rmsNormBackward,
  linearBackward,
  linearTernaryBackward,
  attentionBackward,
  repeatHeads,
  causalConvBackward,
  selectiveScanBackward,
  expertGatesBackward,
  sumSlotsBackward,
  expertOutputsBackward,
  expertLinearBackward,
  addExpertOuter,
  crossEntropyBackward,
  divergenceBackward,
  balanceLoadBackward,
  crossEntropy,
  divergence,
  convert,
  trainTernary,
  trainInt8,
  sumSquares,
  adamw,
  balanceLoad,
  reshape,
  rows,
] as const;

/** Keys and values of packed sequences, in pools: see attention.ts. */
export interface KeysValues {
  /** [R, K, D] */
  readonly k: Tensor;
  /** [R, K, Dv] */
  readonly v: Tensor;
  /** i32 [B, P] */
  readonly tables: Tensor;
  /** i32 [B] */
  readonly lengths: Tensor;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
  /** The values of `lengths` when the step is encoded. */
  readonly reaches: readonly number[];
  /** Factors of the probabilities, after the softmax: [B, C, H], C >= the longest of `lengths`. */
  readonly gains?: Tensor | undefined;
}

/** A recurrent state tensor of packed sequences, in a pool. */
export interface Recurrent {
  /** [C, ...] */
  readonly pool: Tensor;
  /** i32 [B] */
  readonly slots: Tensor;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
}

/** Cosines and sines of rotary positions, each [T, D/2]: see rope.ts. */
export interface Rotary {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export class Ops {
  readonly #tracer: Tracer;
  readonly #apply: Apply;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
    this.#apply = tracer.apply;
  }

  upload(data: Uploadable, shape: Shape): Tensor {
    return this.#tracer.upload(data, shape);
  }

  derived(weight: Derived): Tensor {
    return this.#tracer.derived(weight);
  }

  scope(body: () => Tensor): Tensor {
    return this.#tracer.scope(body);
  }

  /** See cross-entropy.ts: logits[n, V], targets i32 [n] -> [n, 2] */
  crossEntropy(logits: Tensor, targets: Tensor): Tensor {
    return this.#one(this.#apply(crossEntropy, [logits, targets], undefined));
  }

  /** The same numbers in another type, f32 or bf16. */
  convert(x: Tensor, to: 'f32' | 'bf16'): Tensor {
    return this.#one(this.#apply(convert, [x], { to }));
  }

  /** Kullback-Leibler divergence of each row from the predictions of other logits, which get no gradient. wanted[n, V], logits[n, V] -> [n] */
  divergence(wanted: Tensor, logits: Tensor): Tensor {
    return this.#one(this.#apply(divergence, [wanted, logits], undefined));
  }

  /** See round-in-training.ts: w[N, J] -> [N, J] */
  trainTernary(w: Tensor, lambda: number): Tensor {
    return lambda === 0 ? w : this.#one(this.#apply(trainTernary, [w], { lambda }));
  }

  /** See round-in-training.ts: x[T, J] -> [T, J] */
  trainInt8(x: Tensor, lambda: number): Tensor {
    return lambda === 0 ? x : this.#one(this.#apply(trainInt8, [x], { lambda }));
  }

  /** See balance-load.ts: logits[T, X] -> the same, writing a row of load[L, 2 X + 1] */
  balanceLoad(logits: Tensor, load: Tensor, attrs: BalanceAttrs): Tensor {
    return this.#one(this.#apply(balanceLoad, [logits, load], attrs));
  }

  /** target += by * x */
  accumulate(target: Tensor, x: Tensor, by = 1): void {
    this.#apply(accumulate, [target, x], { by });
  }

  /** See sum-squares.ts: -> [SQUARE_PARTS] */
  sumSquares(x: Tensor): Tensor {
    return this.#one(this.#apply(sumSquares, [x], undefined));
  }

  /** See adamw.ts: changes p, m and v. */
  adamw({ p, g, m, v }: { p: Tensor; g: Tensor; m: Tensor; v: Tensor }, attrs: AdamWAttrs): void {
    this.#apply(adamw, [p, g, m, v], attrs);
  }

  /** See summarize-logits.ts: logits[n, V], targets i32 [n, J] -> [n, 3 + J + 2 top] */
  summarizeLogits(logits: Tensor, targets: Tensor | undefined, top: number): Tensor {
    return this.#one(this.#apply(summarizeLogits, targets ? [logits, targets] : [logits], { top }));
  }

  /** `padding`: the id whose row of the table gets no gradient. */
  embed(table: Tensor, ids: Tensor, by = 1, padding?: number): Tensor {
    return this.#one(this.#apply(embed, [table, ids], { scale: by, padding }));
  }

  linear(x: Tensor, w: Tensor, bias?: Tensor): Tensor {
    return this.#one(this.#apply(linear, bias ? [x, w, bias] : [x, w], { count: 1 }));
  }

  /** Several matrices of one weight format, all with biases or all without. */
  linears(x: Tensor, ws: readonly Tensor[], biases: readonly Tensor[] = []): Tensor[] {
    return this.#apply(linear, [x, ...ws, ...biases], { count: ws.length });
  }

  /** -> [q i8, s] */
  quantizeRows(x: Tensor): [Tensor, Tensor] {
    return this.#two(this.#apply(quantizeRows, [x], undefined));
  }

  /** Ternary matrices of one quantised input, all with biases or all without. */
  linearsTernary(
    q: Tensor,
    s: Tensor,
    ws: readonly Tensor[],
    scales: readonly Tensor[],
    wScale: 'divide' | 'multiply',
    biases: readonly Tensor[] = [],
  ): Tensor[] {
    return this.#apply(linearTernary, [q, s, ...ws, ...scales, ...biases], { wScale, count: ws.length });
  }

  layerNorm(x: Tensor, gain: Tensor, bias: Tensor, eps: number): Tensor {
    return this.#one(this.#apply(layerNorm, [x, gain, bias], { eps }));
  }

  rmsNorm(x: Tensor, gain: Tensor, eps: number): Tensor {
    return this.#one(this.#apply(rmsNorm, [x, gain], { eps }));
  }

  /** x + by * y */
  add(x: Tensor, y: Tensor, by = 1): Tensor {
    return this.#one(this.#apply(add, [x, y], { by }));
  }

  scale(x: Tensor, by: number): Tensor {
    return by === 1 ? x : this.#one(this.#apply(scale, [x], { by }));
  }

  gelu(x: Tensor): Tensor {
    return this.#one(this.#apply(gelu, [x], undefined));
  }

  softplus(x: Tensor): Tensor {
    return this.#one(this.#apply(softplus, [x], undefined));
  }

  negExp(x: Tensor): Tensor {
    return this.#one(this.#apply(negExp, [x], undefined));
  }

  /** x * y */
  multiply(x: Tensor, y: Tensor): Tensor {
    return this.#one(this.#apply(multiply, [x, y], undefined));
  }

  /** activation(g) * u */
  gate(g: Tensor, u: Tensor, activation: Activation): Tensor {
    return this.#one(this.#apply(gate, [g, u], { activation }));
  }

  rope(x: Tensor, { cos, sin }: Rotary): Tensor {
    return this.#one(this.#apply(rope, [x, cos, sin], undefined));
  }

  /**
   * z[T, H, Dv]. For a sequence with a function in `see`, the probabilities [H, T_b, S_b] are computed, passed to it (before gains), and
   * replaced by its result; this takes a tensor of that size.
   */
  attention(
    q: Tensor,
    past: KeysValues,
    by: number,
    see?: readonly (((pattern: Tensor) => Tensor) | undefined)[],
  ): Tensor {
    const { k, v, tables, lengths, starts, reaches, gains } = past;
    checkGains('attention', gains, reaches.length, q.shape[1] as number, Math.max(0, ...reaches));
    const inputs = gains ? [k, v, tables, lengths, gains] : [k, v, tables, lengths];
    if (!see?.some(Boolean)) return this.#one(this.#apply(attention, [q, ...inputs], { scale: by, starts }));
    const parts = reaches.map((keys, b) => {
      const [from, to] = [starts[b] as number, starts[b + 1] as number];
      const own = this.rows(q, from, to);
      const table = this.rows(tables, b, b + 1);
      const some = gains ? [this.rows(gains, b, b + 1)] : [];
      const show = see[b];
      if (!show) {
        const alone = [own, k, v, table, this.rows(lengths, b, b + 1), ...some];
        return this.#one(this.#apply(attention, alone, { scale: by, starts: [0, to - from] }));
      }
      const pattern = show(this.#one(this.#apply(attentionPattern, [own, k, table], { scale: by, keys })));
      return this.#one(this.#apply(attendPattern, [pattern, v, table, ...some], undefined));
    });
    return this.concat(parts);
  }

  sumHeads(z: Tensor, by: number): Tensor {
    return this.#one(this.#apply(sumHeads, [z], { by }));
  }

  causalConv(x: Tensor, w: Tensor, bias: Tensor, { pool, slots, starts }: Recurrent): Tensor {
    return this.#one(this.#apply(causalConv, [x, w, bias, pool, slots], { starts }));
  }

  selectiveScan(
    input: { x: Tensor; dt: Tensor; a: Tensor; b: Tensor; c: Tensor; d: Tensor },
    { pool, slots, starts }: Recurrent,
  ): Tensor {
    const { x, dt, a, b, c, d } = input;
    return this.#one(this.#apply(selectiveScan, [x, dt, a, b, c, d, pool, slots], { starts }));
  }

  /** -> [ids i32, gates] */
  topExperts(logits: Tensor, count: number): [Tensor, Tensor] {
    return this.#two(this.#apply(topExperts, [logits], { count }));
  }

  /** The weights of given experts: logits[T, X], ids[T, A] -> gates[T, A] */
  expertGates(logits: Tensor, ids: Tensor): Tensor {
    return this.#one(this.#apply(expertGates, [logits, ids], undefined));
  }

  experts(x: Tensor, ids: Tensor, gates: Tensor, w: { in: Tensor; out: Tensor }, activation: Activation): Tensor {
    return this.#one(this.#apply(experts, [x, ids, gates, w.in, w.out], { activation }));
  }

  /** The output of each chosen expert for x[T, M], before its gate: -> [T, A, M] */
  expertOutputs(x: Tensor, ids: Tensor, w: { in: Tensor; out: Tensor }, activation: Activation): Tensor {
    return this.#one(this.#apply(expertOutputs, [x, ids, w.in, w.out], { activation }));
  }

  /** One linear map of each chosen expert, or some of its rows: x[T, J], ids[T, A], w[X, N, J] -> [T A, rows] */
  expertLinear(x: Tensor, ids: Tensor, w: Tensor, rows: ExpertRows = { from: 0, to: w.shape[1] as number }): Tensor {
    return this.#one(this.#apply(expertLinear, [x, ids, w], rows));
  }

  /** z[T, A, M] summed over slots, weighted by gates[T, A] */
  sumSlots(z: Tensor, gates: Tensor): Tensor {
    return this.#one(this.#apply(sumSlots, [z, gates], undefined));
  }

  zeros(shape: Shape): Tensor {
    return this.#one(this.#apply(zeros, [], { shape }));
  }

  assign(target: Tensor, source: Tensor): void {
    if (target.place !== source.place || target.offset !== source.offset)
      this.#apply(assign, [target, source], undefined);
  }

  /** The rows of all parts, one after another. */
  concat(parts: readonly Tensor[]): Tensor {
    return parts.length === 1 ? (parts[0] as Tensor) : this.#one(this.#apply(concat, parts, undefined));
  }

  /** x[at[n]] */
  gather(x: Tensor, at: Tensor): Tensor {
    return this.#one(this.#apply(gather, [x, at], undefined));
  }

  /** pool[at[n]] = source[n] */
  writeRows(pool: Tensor, source: Tensor, at: Tensor): void {
    this.#apply(writeRows, [pool, source, at], undefined);
  }

  /** pool[to[n]] = pool[from[n]] */
  copyRows(pool: Tensor, from: Tensor, to: Tensor): void {
    this.#apply(copyRows, [pool, from, to], undefined);
  }

  /** mark[1] = 1 when any number of x is NaN or infinite */
  markNonFinite(mark: Tensor, x: Tensor): void {
    this.#apply(markNonFinite, [mark, x], undefined);
  }

  /** See intervene.ts: changes x[T, ...] with strengths by[T] in the channels [W], with vector[1 or T, W]. */
  intervene(
    x: Tensor,
    { kind, by, channels, vector, width }: InterveneAttrs & { by: Tensor; channels: Tensor; vector?: Tensor },
  ): Tensor {
    const inputs = vector ? [x, by, channels, vector] : [x, by, channels];
    return this.#one(this.#apply(intervene, inputs, { kind, width }));
  }

  /** The same numbers in another shape, as a view. */
  reshape(x: Tensor, shape: Shape): Tensor {
    return this.#one(this.#apply(reshape, [x], { shape }));
  }

  /** Rows from..to (exclusive) of the first axis, as a view. */
  rows(x: Tensor, from: number, to: number): Tensor {
    return this.#one(this.#apply(rows, [x], { from, to }));
  }

  #one(outputs: Tensor[]): Tensor {
    return outputs[0] as Tensor;
  }

  #two(outputs: Tensor[]): [Tensor, Tensor] {
    return outputs as [Tensor, Tensor];
  }
}
