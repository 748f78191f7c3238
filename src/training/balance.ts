/**
 * Losses that keep the load of a mixture's experts even, in the definitions of three trainers. With, per layer, T tokens, n_e tokens that chose
 * expert e, P_e the mean over tokens of the softmax over all X experts, A experts per token, L layers, S the mean over tokens of the squared
 * logsumexp, and c the coefficient:
 *   transformers  c X sum_e (sum_l n_e / (L T)) (sum_l P_e / L)        (models/granitemoe; A when balanced)
 *   dolomite      c sum_l (X sum_e P_e n_e / (T A) + z S)              (IBM's dolomite engine)
 *   megablocks    c X / (L T A) sum_l sum_e n_e P_e                    (Databricks MegaBlocks)
 * The term z S may be added to the other two as well, as a mean over layers.
 */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { TargetSite } from '../interventions/target.ts';
import type { Taps } from '../models/tap.ts';
import { noTaps } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';

export interface BalanceOptions {
  readonly name: 'transformers' | 'dolomite' | 'megablocks';
  readonly coefficient: number;
  /** z above, before the coefficient. */
  readonly zLoss: number;
}

const ROUTER = /\.routerLogits$/;

/** The load of all layers in one pass, and its loss. */
export class BalanceLoss {
  readonly #backend: Backend;
  readonly #options: BalanceOptions;
  readonly #layers: readonly string[];
  readonly #experts: number;
  readonly #active: number;
  /** [L, 2 X + 1], see ops/balance-load.ts. */
  readonly #load: Tensor;

  /** `sites`: those of the model, with their shapes. Throws UsageError when it has no experts. */
  constructor(backend: Backend, sites: ReadonlyMap<string, TargetSite>, options: BalanceOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#layers = [...sites.keys()].filter((name) => ROUTER.test(name));
    const [first] = this.#layers;
    if (first === undefined)
      throw new UsageError("this model has no experts (site 'routerLogits'): leave 'balance' out.");
    this.#experts = sites.get(first)?.shape[1] as number;
    this.#active = sites.get(first.replace(ROUTER, '.expertIds'))?.shape[1] as number;
    this.#load = backend.allocate([this.#layers.length, 2 * this.#experts + 1], 'f32');
  }

  /** Taps of a pass over `tokens` tokens, whose part of the loss has the factor `share`. */
  taps(ops: Ops, tokens: number, share: number): Taps {
    const { name, coefficient, zLoss } = this.#options;
    const [layers, experts, active] = [this.#layers.length, this.#experts, this.#active];
    const c = share * coefficient;
    const balance = {
      transformers: (c * experts) / (layers * tokens) ** 2,
      dolomite: (c * experts) / (tokens * tokens * active),
      megablocks: (c * experts) / (layers * tokens * tokens * active),
    }[name];
    const z = (c * zLoss) / (name === 'dolomite' ? tokens : layers * tokens);
    const attrs = { count: active, pooled: name === 'transformers', balance, z };
    return Object.assign(
      (site: { readonly name: string }, x: Tensor) => {
        const layer = this.#layers.indexOf(site.name);
        return layer < 0 ? x : ops.balanceLoad(x, this.#load, { ...attrs, layer });
      },
      { ...noTaps },
    ) as Taps;
  }

  /** The loss of the last pass, without `share`, and the tokens that chose each expert of each layer. */
  async read(tokens: number): Promise<{ readonly loss: number; readonly load: readonly Float32Array[] }> {
    const numbers = (await this.#backend.read(this.#load)) as Float32Array;
    const [layers, experts] = [this.#layers.length, this.#experts];
    const row = (l: number) => numbers.subarray(l * (2 * experts + 1), (l + 1) * (2 * experts + 1));
    const rows = this.#layers.map((_, l) => row(l));
    const { name, coefficient, zLoss } = this.#options;
    const product = (n: (e: number) => number, p: (e: number) => number) =>
      Array.from({ length: experts }, (_, e) => n(e) * p(e)).reduce((a, b) => a + b, 0);
    const total = (e: number) => rows.reduce((sum, of) => sum + (of[e] as number), 0);
    const all = layers * tokens;
    const each = rows.map((of) =>
      product(
        (e) => of[e] as number,
        (e) => (of[experts + e] as number) / tokens,
      ),
    );
    const sum = each.reduce((a, b) => a + b, 0);
    const balance = {
      transformers:
        experts *
        product(
          (e) => total(e) / all,
          (e) => total(experts + e) / all,
        ),
      dolomite: (experts * sum) / (tokens * this.#active),
      megablocks: (experts * sum) / (all * this.#active),
    }[name];
    const squares = rows.reduce((s, of) => s + (of[2 * experts] as number) / tokens, 0);
    const z = zLoss * (name === 'dolomite' ? squares : squares / layers);
    return { loss: coefficient * (balance + z), load: rows.map((of) => of.slice(0, experts)) };
  }

  dispose(): void {
    this.#backend.free(this.#load);
  }
}
