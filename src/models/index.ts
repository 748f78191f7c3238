/** The model families, in the order in which they are tried on a config.json. */
import { CheckpointError, quote } from '../base/errors.ts';
import { backpack } from './backpack.ts';
import type { JsonObject } from './config.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { mamba } from './mamba.ts';
import type { Family } from './model.ts';

export const families: readonly Family[] = [backpack, llama, mamba, granite] as readonly Family[];

/** Throws CheckpointError when no family knows this configuration. */
export function familyOf(config: JsonObject): Family {
  const family = families.find((candidate) => candidate.matches(config));
  if (!family) {
    throw new CheckpointError(
      `config.json ${kindOf(config)}; the families that are known are ${families.map(({ name }) => name).join(', ')}. ` +
        'See docs/add-a-model.md for what it takes to add one.',
    );
  }
  return family;
}

/** Describes the kind of model in a configuration, as text after `config.json`. */
function kindOf({ model_type: type, architectures }: JsonObject): string {
  if (type === undefined && architectures === undefined)
    return "has neither 'model_type' nor 'architectures', and no keys of a family that does without";
  const class_ = architectures === undefined ? '' : ` (${quote(architectures)})`;
  return type === undefined
    ? `describes a model of ${quote(architectures)}`
    : `describes a model of type ${quote(type)}${class_}`;
}
