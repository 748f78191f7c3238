/** adapter_config.json, as PEFT writes it (huggingface/peft, tuners/lora/config.py). What this library does not do is refused. */
import * as v from 'valibot';
import { CheckpointError, quote } from '../base/errors.ts';
import { readJson } from '../checkpoint/checkpoint.ts';
import type { Folder } from '../checkpoint/source.ts';
import type { JsonObject } from '../models/config.ts';

export const CONFIG_FILE = 'adapter_config.json';
const MAX_CONFIG_BYTES = 4 << 20;

const orNone = <T>(schema: v.GenericSchema<unknown, T>) => v.nullish(schema);
const rank = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const alpha = v.pipe(v.number(), v.finite());
const names = v.array(v.string());
const whole = v.pipe(v.number(), v.safeInteger());

/** The keys that say what an adapter computes; default values are those of PEFT. */
const KEYS = {
  peft_type: v.literal('LORA'),
  r: v.optional(rank, 8),
  lora_alpha: v.optional(alpha, 8),
  use_rslora: v.optional(v.boolean(), false),
  rank_pattern: orNone(v.record(v.string(), rank)),
  alpha_pattern: orNone(v.record(v.string(), alpha)),
  target_modules: orNone(v.union([v.string(), names])),
  exclude_modules: orNone(v.union([v.string(), names])),
  target_parameters: orNone(names),
  layers_to_transform: orNone(v.union([whole, v.array(whole)])),
  layers_pattern: orNone(v.union([v.string(), names])),
  modules_to_save: orNone(names),
  base_model_name_or_path: orNone(v.string()),
  init_lora_weights: orNone(v.union([v.boolean(), v.string()])),
};

/** Keys that change nothing in what a finished adapter computes. */
const WITHOUT_EFFECT = [
  ...['task_type', 'inference_mode', 'revision', 'auto_mapping', 'peft_version', 'lora_dropout', 'fan_in_fan_out'],
  ...['megatron_config', 'megatron_core', 'loftq_config', 'eva_config', 'corda_config', 'lora_ga_config'],
  ...['qalora_group_size', 'runtime_config', 'ensure_weight_tying'],
];

/** Initialisations that change the weights of the base model too, which no adapter file has. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq|lora_ga)/;

const schema = v.object(KEYS);

type OrNone<T> = T | null | undefined;

/** Settings of an adapter, under PEFT's names. */
export interface AdapterConfig {
  readonly peft_type: 'LORA';
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora: boolean;
  readonly rank_pattern?: OrNone<Record<string, number>>;
  readonly alpha_pattern?: OrNone<Record<string, number>>;
  readonly target_modules?: OrNone<string | string[]>;
  readonly exclude_modules?: OrNone<string | string[]>;
  readonly target_parameters?: OrNone<string[]>;
  readonly layers_to_transform?: OrNone<number | number[]>;
  readonly layers_pattern?: OrNone<string | string[]>;
  readonly modules_to_save?: OrNone<string[]>;
  readonly base_model_name_or_path?: OrNone<string>;
  readonly init_lora_weights?: OrNone<boolean | string>;
}

/** Throws CheckpointError when there is none, and on settings that are not supported. */
export async function readAdapterConfig(folder: Folder): Promise<AdapterConfig> {
  const json = await readJson(folder, CONFIG_FILE, MAX_CONFIG_BYTES);
  if (!json) {
    const found = (await folder.list()).slice(0, 20).join(', ');
    throw new CheckpointError(
      `${folder.name} has no ${CONFIG_FILE}: is it the folder of an adapter that PEFT saved?${found && ` It has ${found}.`}`,
    );
  }
  return parseAdapterConfig(json, `${folder.name}/${CONFIG_FILE}`);
}

export function parseAdapterConfig(json: JsonObject, name: string): AdapterConfig {
  if (json.peft_type !== 'LORA')
    throw new CheckpointError(`${name} has peft_type ${quote(json.peft_type)}: only LORA adapters are supported.`);
  const parsed = v.safeParse(schema, json);
  if (!parsed.success) {
    const [{ path }] = parsed.issues;
    const key = String(path?.[0]?.key);
    throw new CheckpointError(`${name} has ${key} ${quote(json[key])}, which is no value for it.`);
  }
  for (const [key, value] of Object.entries(json))
    if (!Object.hasOwn(KEYS, key) && !WITHOUT_EFFECT.includes(key) && !isOff(key, value))
      throw new CheckpointError(
        `${name} has ${key} ${quote(value)}: this library runs plain LoRA, without it. Merge the adapter into its model with PEFT, or train it without.`,
      );
  const { init_lora_weights: init } = parsed.output;
  if (typeof init === 'string' && CHANGES_BASE.test(init))
    throw new CheckpointError(
      `${name} has init_lora_weights ${quote(init)}, which also changes the weights of the model. ` +
        'Save it in PEFT with path_initial_model_for_weight_conversion, which makes a plain adapter of it.',
    );
  return parsed.output;
}

const isOff = (key: string, value: unknown): boolean =>
  value === null ||
  value === false ||
  (key === 'bias' && value === 'none') ||
  (typeof value === 'object' && Object.keys(value).length === 0);
