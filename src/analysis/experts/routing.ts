/** Which experts a mixture chooses for each token of a text (transformers models/granitemoe, GraniteMoeTopKGating), step by step. */
import { call, kinds, type OptionsOf, option } from '../../options/option.ts';
import { type Declared, LAYERS_OPTION, layersWith, shapeOf } from '../layers.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';

export const ROUTING_OPTIONS = {
  layers: LAYERS_OPTION,
  window: option(kinds.fromOne, "read the text in windows of n tokens (default: all at once, or the model's context)"),
  signal: kinds.signal,
  /** Told how many tokens of how many were read. */
  onProgress: call<(done: number, total: number) => void>(),
};

export interface RoutingOptions extends OptionsOf<typeof ROUTING_OPTIONS> {}

/** The mixtures of a model. */
export interface Mixtures {
  readonly layers: readonly number[];
  /** How many experts each has: X. */
  readonly experts: number;
}

/** Throws UsageError when the model has none, or none in a layer that is wanted: also before its weights are loaded. */
export function mixturesOf(model: Declared, layers?: readonly number[]): Mixtures {
  const found = layersWith(model, 'routerLogits', layers, 'this model has no mixture of experts');
  const [experts = 0] = shapeOf(model, `blocks.${found[0]}.router`);
  return { layers: found, experts };
}

/** What was chosen for one token in one layer. */
export interface Choice {
  readonly layer: number;
  /** Place of the layer in `Mixtures.layers`. */
  readonly index: number;
  /** The chosen experts, best first: ids [A] and their gates [A], which sum to 1. */
  readonly experts: Int32Array;
  readonly gates: Float32Array;
  /** Scores of all experts [X]. */
  readonly logits: Float32Array;
}

export interface RoutedToken {
  readonly id: number;
  /** Place in the text. */
  readonly at: number;
  readonly choices: readonly Choice[];
}

/** Every token of a text once, in order, with what each layer chose for it. */
export async function* routedTokens(
  subject: Subject,
  prompt: SubjectPrompt,
  { layers, experts }: Mixtures,
  { window, signal, onProgress }: RoutingOptions = {},
): AsyncGenerator<RoutedToken> {
  const total = subject.encode(prompt).length;
  const names = ['routerLogits', 'expertIds', 'expertGates'] as const;
  const sites = layers.flatMap((layer) => names.map((name) => `blocks.${layer}.${name}`));
  for await (const { ids, first, at, values } of subject.captureSteps(prompt, { sites, window, signal })) {
    const read = layers.map((layer) => names.map((name) => values.get(`blocks.${layer}.${name}`)));
    for (let row = first; row < ids.length; row++) {
      const choices = layers.map((layer, index): Choice => {
        const [logits, chosen, gates] = (read[index] ?? []).map((one) => one?.data);
        const active = (chosen as Int32Array).length / ids.length;
        return {
          layer,
          index,
          experts: (chosen as Int32Array).subarray(row * active, (row + 1) * active),
          gates: (gates as Float32Array).subarray(row * active, (row + 1) * active),
          logits: (logits as Float32Array).subarray(row * experts, (row + 1) * experts),
        };
      });
      yield { id: ids[row] as number, at: at + row - first, choices };
    }
    onProgress?.(at + ids.length - first, total);
  }
}
