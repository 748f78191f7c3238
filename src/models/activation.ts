/** The activation that a config.json names: `swish` is another name of `silu` (activations.py of transformers). */
import type { Activation } from '../ops/index.ts';
import type { ConfigReader } from './config.ts';

/** One of the given, the first of which is assumed when the key is missing. */
export function readActivation(json: ConfigReader, known: readonly [Activation, ...Activation[]]): Activation {
  return known.includes('silu') && json.is('hidden_act', 'swish') ? 'silu' : json.choice('hidden_act', known);
}
