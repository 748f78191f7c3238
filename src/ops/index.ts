/** The vocabulary that models are written in. Every method is one `apply`. */
import type { Shape, Tensor, Uploadable } from '../tensor.ts';
import { attendPattern, attention, attentionPattern, sumHeads } from './attention.ts';
import { causalConv } from './causal-conv.ts';
import { type Activation, add, gate, gelu, negExp, scale, softplus } from './elementwise.ts';
import { embed } from './embed.ts';
import { experts, topExperts } from './experts.ts';
import { linear } from './linear.ts';
import { linearTernary } from './linear-ternary.ts';
import { assign, writeRows, zeros } from './memory.ts';
import { layerNorm, rmsNorm } from './norms.ts';
import type { Apply } from './op.ts';
import { quantizeRows } from './quantize-rows.ts';
import { rope } from './rope.ts';
import { selectiveScan } from './selective-scan.ts';

export type { Activation } from './elementwise.ts';
export type { Apply, Op, TensorSpec } from './op.ts';

/** Every op, for backends and tests that go through the whole vocabulary. */
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
  experts,
  zeros,
  writeRows,
  assign,
] as const;

/** The keys k[S, K, D] and values v[S, K, Dv] of one sequence. */
export interface KeysValues {
  readonly k: Tensor;
  readonly v: Tensor;
  /** How many of the S count, i32 [1]; all, without it. */
  readonly length?: Tensor;
}

/** What a step needs beside `apply`: small inputs from JavaScript, and memory that is given back early. */
export interface Workspace {
  /** Copies numbers into the memory of the running step. */
  upload(data: Uploadable, shape: Shape): Tensor;
  /** Runs `body` and frees all that it allocated in the step, save its result. */
  scope(body: () => Tensor): Tensor;
}

export class Ops {
  readonly #apply: Apply;
  readonly #workspace: Workspace;

  constructor(apply: Apply, workspace: Workspace) {
    this.#apply = apply;
    this.#workspace = workspace;
  }

  upload(data: Uploadable, shape: Shape): Tensor {
    return this.#workspace.upload(data, shape);
  }

  scope(body: () => Tensor): Tensor {
    return this.#workspace.scope(body);
  }

  embed(table: Tensor, ids: Tensor, by = 1): Tensor {
    return this.#one(this.#apply(embed, [table, ids], { scale: by }));
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

  /** activation(g) * u */
  gate(g: Tensor, u: Tensor, activation: Activation): Tensor {
    return this.#one(this.#apply(gate, [g, u], { activation }));
  }

  rope(x: Tensor, rotary: { cos: Tensor; sin: Tensor }): Tensor {
    return this.#one(this.#apply(rope, [x, rotary.cos, rotary.sin], undefined));
  }

  /**
   * z[T, H, Dv]. With `see`, the probabilities are made, shown and used in its version; that works for one sequence at a time
   * and costs a tensor of H T S numbers.
   */
  attention(
    q: Tensor,
    sequences: readonly KeysValues[],
    attrs: { scale: number; starts: readonly number[] },
    see?: (pattern: Tensor) => Tensor,
  ): Tensor {
    const [only] = sequences;
    if (see && only && sequences.length === 1) {
      const pattern = see(this.#one(this.#apply(attentionPattern, [q, only.k], { scale: attrs.scale })));
      return this.#one(this.#apply(attendPattern, [pattern, only.v], undefined));
    }
    const lengths = sequences.flatMap(({ length }) => (length ? [length] : []));
    return this.#one(this.#apply(attention, [q, ...sequences.flatMap(({ k, v }) => [k, v]), ...lengths], attrs));
  }

  sumHeads(z: Tensor, by: number): Tensor {
    return this.#one(this.#apply(sumHeads, [z], { by }));
  }

  causalConv(x: Tensor, w: Tensor, bias: Tensor, windows: readonly Tensor[], starts: readonly number[]): Tensor {
    return this.#one(this.#apply(causalConv, [x, w, bias, ...windows], { starts }));
  }

  selectiveScan(
    input: { x: Tensor; dt: Tensor; a: Tensor; b: Tensor; c: Tensor; d: Tensor },
    states: readonly Tensor[],
    starts: readonly number[],
  ): Tensor {
    const { x, dt, a, b, c, d } = input;
    return this.#one(this.#apply(selectiveScan, [x, dt, a, b, c, d, ...states], { starts }));
  }

  /** -> [ids i32, gates] */
  topExperts(logits: Tensor, count: number): [Tensor, Tensor] {
    return this.#two(this.#apply(topExperts, [logits], { count }));
  }

  experts(x: Tensor, ids: Tensor, gates: Tensor, w: { in: Tensor; out: Tensor }, activation: Activation): Tensor {
    return this.#one(this.#apply(experts, [x, ids, gates, w.in, w.out], { activation }));
  }

  zeros(shape: Shape): Tensor {
    return this.#one(this.#apply(zeros, [], { shape }));
  }

  /** At row `at`, or at the row whose number stands in a tensor, i32 [1]. */
  writeRows(target: Tensor, source: Tensor, at: number | Tensor): void {
    if (typeof at === 'number') this.#apply(writeRows, [target, source], { at });
    else this.#apply(writeRows, [target, source, at], { at: 0 });
  }

  assign(target: Tensor, source: Tensor): void {
    if (target.place !== source.place || target.offset !== source.offset)
      this.#apply(assign, [target, source], undefined);
  }

  #one(outputs: Tensor[]): Tensor {
    return outputs[0] as Tensor;
  }

  #two(outputs: Tensor[]): [Tensor, Tensor] {
    return outputs as [Tensor, Tensor];
  }
}
