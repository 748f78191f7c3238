/** Reads the defaults of generation from generation_config.json, or from config.json as in older checkpoints. */
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
 * As transformers: config.json (`config`) is used only when there is no generation_config.json. `change` replaces keys; false drops all
 * defaults except the ids that end a text. Throws UsageError on an unknown key in `change`, CheckpointError when the file is not a JSON
 * object or has a bad value.
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
