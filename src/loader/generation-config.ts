/** Where defaults of generation are found: in generation_config.json, or in config.json where older checkpoints keep them. */
import { readJson } from '../checkpoint/checkpoint.ts';
import type { Folder } from '../checkpoint/source.ts';
import type { JsonObject } from '../models/config.ts';
import {
  checkChange,
  type GenerationConfig,
  type GenerationDefaults,
  NO_DEFAULTS,
  readGenerationConfig,
} from '../sampler/generation-config.ts';

const FILE = 'generation_config.json';
const MAX_BYTES = 4 << 20; // lists of suppressed ids may be long

/**
 * As transformers reads them: config.json (`config`) counts only where there is no generation_config.json. `change` replaces keys; false
 * leaves all out but the ids that end a text. Throws UsageError on a key of `change` that does not exist, CheckpointError when the file is no JSON object or has a bad value.
 */
export async function openGenerationDefaults(
  folder: Folder,
  config: JsonObject,
  change: GenerationConfig | false | undefined,
): Promise<GenerationDefaults> {
  checkChange(change);
  const file = await readJson(folder, FILE, MAX_BYTES);
  const json = file ?? config;
  const source = file ? FILE : 'config.json';
  if (change !== false) return readGenerationConfig({ ...json, ...change }, source);
  const ends = [json.eos_token_id].flat().filter((id): id is number => Number.isInteger(id));
  return { ...NO_DEFAULTS, ...(ends.length > 0 ? { endIds: ends } : {}) };
}
