/** Reads `quantization_config` of a config.json: scales of ternary layers, and the layout of packed weights. */
import { CheckpointError, quote } from '../base/errors.ts';
import { QUANT_METHOD } from '../formats/blocks.ts';
import type { JsonObject } from '../models/config.ts';
import { checkLayout } from './packed.ts';

/**
 * `bitlinear` (the default) stores 1 / mean|W| and divides by it, `autobitlinear` stores mean|W| and multiplies
 * (transformers utils/quantization_config.py and integrations/bitnet.py). Throws CheckpointError on any other scheme.
 */
export function ternaryScaleOf(config: JsonObject): 'divide' | 'multiply' {
  const quantization = quantizationOf(config);
  const method = quantization.quant_method ?? 'bitnet';
  if (method === QUANT_METHOD) {
    checkLayout('config.json (quantization_config)', quantization);
    return 'divide';
  }
  if (method !== 'bitnet') {
    throw new CheckpointError(
      `weights quantised by ${quote(method)} are not supported; supported are 'bitnet' and '${QUANT_METHOD}'.`,
    );
  }
  const kind = quantization.linear_class ?? 'bitlinear';
  if (kind !== 'bitlinear' && kind !== 'autobitlinear') {
    throw new CheckpointError(
      `quantization_config.linear_class is ${quote(kind)}, wanted 'bitlinear' or 'autobitlinear'.`,
    );
  }
  const mode = quantization.quantization_mode ?? 'offline';
  if (mode !== 'offline' && mode !== 'online') {
    throw new CheckpointError(`quantization_config.quantization_mode is ${quote(mode)}, wanted 'offline' or 'online'.`);
  }
  return kind === 'bitlinear' ? 'divide' : 'multiply';
}

/** Epsilon of the RMS norm on the input of each ternary layer (`use_rms_norm`); undefined when there is none. */
export function ternaryNormOf(config: JsonObject): number | undefined {
  const { use_rms_norm: used = false, rms_norm_eps: given } = quantizationOf(config);
  if (used === false || used === null) return undefined;
  const eps = given ?? 1e-6;
  if (used === true && typeof eps === 'number' && Number.isFinite(eps) && eps >= 0) return eps;
  throw new CheckpointError(
    `quantization_config has use_rms_norm ${quote(used)} and rms_norm_eps ${quote(given)}, wanted true or false and a number from 0 on.`,
  );
}

/**
 * The meaning of a ternary layer's weight that is stored as plain numbers: `masters`, to be rounded to mean|W| times -1, 0 or 1 (`online`);
 * `codes`, already -1, 0 or 1, as transformers saves unpacked layers; `foreign`, not defined by the reference.
 */
export type Unpacked = 'masters' | 'codes' | 'foreign';

/**
 * Returns a function from the name of a layer to the meaning of its unpacked weight; undefined when the layer is not ternary. `roundsLater`:
 * masters are not rounded while they are loaded, but in each pass of training, so for loading they are dense.
 */
export function unpackedOf(config: JsonObject, { roundsLater = false } = {}): (layer: string) => Unpacked | undefined {
  const quantization = quantizationOf(config);
  const none = Object.keys(quantization).length === 0 || quantization.quant_method === QUANT_METHOD;
  if (none) return () => undefined;
  const kept = quantization.modules_to_not_convert ?? null;
  if (kept !== null && !(Array.isArray(kept) && kept.every((name) => typeof name === 'string'))) {
    throw new CheckpointError(
      `quantization_config.modules_to_not_convert is ${quote(kept)}, wanted a list of names, or null.`,
    );
  }
  const isKept = (layer: string) => kept?.some((pattern) => matches(layer, pattern)) ?? false;
  const auto = quantization.linear_class === 'autobitlinear'; // the mode has no meaning for the other class
  const online = auto && quantization.quantization_mode === 'online';
  if (online && kept && !isKept('lm_head')) {
    throw new CheckpointError(
      `quantization_config.modules_to_not_convert is ${quote(kept)}, wanted 'lm_head' among them, or null: a ternary head is not supported.`,
    );
  }
  if (online && roundsLater) return () => undefined;
  const use = online ? 'masters' : auto ? 'codes' : 'foreign';
  return (layer) => (isKept(layer) ? undefined : use);
}

/** As transformers' should_convert_module: the pattern must match at the beginning or the end of the name; `.*` matches anything. */
function matches(name: string, pattern: string): boolean {
  if (name.endsWith(pattern)) return true;
  const [first = '', ...others] = pattern.split('.*');
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const part of others) {
    const at = name.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return true;
}

/** config.json for saving weights that were trained with rounding: they stay as they are, and are rounded whenever they are loaded. */
export function onlineConfig(config: JsonObject): JsonObject {
  if (Object.keys(quantizationOf(config)).length > 0) return config;
  const quantization_config = {
    quant_method: 'bitnet',
    linear_class: 'autobitlinear',
    quantization_mode: 'online',
    modules_to_not_convert: ['lm_head'],
  };
  return { ...config, quantization_config };
}

/** config.json of a new model whose layers are rounded online, each after a norm of its own. */
export function normedConfig(config: JsonObject): JsonObject {
  const online = onlineConfig(config);
  const { rms_norm_eps = 1e-6 } = config;
  return { ...online, quantization_config: { ...quantizationOf(online), use_rms_norm: true, rms_norm_eps } };
}

/** config.json for saving weights that were rounded and packed during loading. */
export function packedConfig(config: JsonObject): JsonObject {
  return { ...config, quantization_config: { ...quantizationOf(config), quantization_mode: 'offline' } };
}

function quantizationOf(config: JsonObject): JsonObject {
  const found = config.quantization_config ?? {};
  if (typeof found !== 'object' || Array.isArray(found))
    throw new CheckpointError(`config.json has 'quantization_config': ${quote(found)}, wanted an object.`);
  return found as JsonObject;
}
