/** How the work is divided among the experts over a text: load, gates, which are chosen together, and how sure the router is. */
import { UsageError } from '../../base/errors.ts';
import { pow } from '../../base/math.ts';
import { checkOptions } from '../../options/check.ts';
import { entropyBits, softmax } from '../entropy.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { mixturesOf, ROUTING_OPTIONS, type RoutingOptions, routedTokens } from './routing.ts';

export interface ExpertLoad {
  /** Tokens that were read. */
  readonly tokens: number;
  /** Experts in a layer, and how many of them each token goes to. */
  readonly experts: number;
  readonly active: number;
  readonly layers: readonly LayerLoad[];
}

export interface LayerLoad {
  readonly layer: number;
  /** For each expert, how many tokens went to it. */
  readonly counts: readonly number[];
  /** For each expert, the share of tokens that went to it: these sum to `active`. */
  readonly tokenShare: readonly number[];
  /** For each expert, the mean of its gate over all tokens, 0 where it was not chosen: these sum to 1. */
  readonly gateShare: readonly number[];
  /** [X][X]: how many tokens went to both experts; the diagonal has the counts. */
  readonly together: readonly (readonly number[])[];
  /** Entropy of the load, of counts as a distribution over experts, in bits; log2 of `experts` when all have the same load. */
  readonly loadEntropy: number;
  /** The number of equally used experts that has this entropy: 2 to its power. */
  readonly asMany: number;
  /** Mean over tokens of the entropy of the softmax over all experts, in bits. */
  readonly routerEntropy: number;
  /** Mean over tokens of the entropy of the gates of the chosen experts, in bits; at most log2 of `active`. */
  readonly gateEntropy: number;
}

/** Reads the text in steps, so that memory does not grow with it. Throws UsageError where there is no mixture, or no text. */
export async function expertLoad(
  subject: Subject,
  prompt: SubjectPrompt,
  options: RoutingOptions = {},
): Promise<ExpertLoad> {
  const checked = checkOptions('expertLoad', options, ROUTING_OPTIONS);
  const mixtures = mixturesOf(subject, checked.layers);
  const { layers, experts } = mixtures;
  const sums = layers.map(() => new LoadSums(experts));
  let tokens = 0;
  let active = 0;
  for await (const { choices } of routedTokens(subject, prompt, mixtures, checked)) {
    tokens++;
    for (const { index, experts: chosen, gates, logits } of choices) {
      active = chosen.length;
      (sums[index] as LoadSums).add(chosen, gates, logits);
    }
  }
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  return { tokens, experts, active, layers: layers.map((layer, i) => (sums[i] as LoadSums).result(layer, tokens)) };
}

class LoadSums {
  readonly #counts: number[];
  readonly #gates: number[];
  readonly #together: number[][];
  #routerEntropy = 0;
  #gateEntropy = 0;

  constructor(experts: number) {
    const none = () => new Array<number>(experts).fill(0);
    this.#counts = none();
    this.#gates = none();
    this.#together = Array.from({ length: experts }, none);
  }

  add(chosen: Int32Array, gates: Float32Array, logits: Float32Array): void {
    chosen.forEach((expert, slot) => {
      this.#counts[expert] = (this.#counts[expert] as number) + 1;
      this.#gates[expert] = (this.#gates[expert] as number) + (gates[slot] as number);
      const row = this.#together[expert] as number[];
      for (const other of chosen) row[other] = (row[other] as number) + 1;
    });
    this.#routerEntropy += entropyBits(softmax(logits));
    this.#gateEntropy += entropyBits(gates);
  }

  result(layer: number, tokens: number): LayerLoad {
    const loadEntropy = entropyBits(this.#counts);
    return {
      layer,
      counts: this.#counts,
      tokenShare: this.#counts.map((count) => count / tokens),
      gateShare: this.#gates.map((sum) => sum / tokens),
      together: this.#together,
      loadEntropy,
      asMany: pow(2, loadEntropy),
      routerEntropy: this.#routerEntropy / tokens,
      gateEntropy: this.#gateEntropy / tokens,
    };
  }
}
