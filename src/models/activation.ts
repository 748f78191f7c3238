/** The activation that a config.json names: `swish` is another name of `silu` (activations.py of transformers). */
import type { Activation } from '../ops/index.ts';
import type { ConfigReader } from './config.ts';

/** Reads the activation: one of `known`; the first is the default. */
export function readActivation(json: ConfigReader, known: readonly [Activation, ...Activation[]]): Activation {
  return known.includes('silu') && json.is('hidden_act', 'swish') ? 'silu' : json.choice('hidden_act', known);
}
