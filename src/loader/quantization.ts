/** The `quantization_config` of a config.json: how ternary layers are meant, and which layout of blocks. */
import { CheckpointError, quote } from '../errors.ts';
import type { JsonObject } from '../models/config.ts';
import { LAYOUT_VERSION, QUANT_METHOD } from './blocks.ts';

/**
 * `bitlinear` (the default) stores 1 / mean|W| and divides by it, `autobitlinear` stores mean|W| and multiplies
 * (transformers utils/quantization_config.py and integrations/bitnet.py). Throws CheckpointError on any other scheme.
 */
export function ternaryScaleOf(config: JsonObject): 'divide' | 'multiply' {
  const found = config.quantization_config ?? {};
  if (typeof found !== 'object' || Array.isArray(found))
    throw new CheckpointError(`config.json has 'quantization_config': ${quote(found)}, wanted an object.`);
  const quantization = found as JsonObject;
  const method = quantization.quant_method ?? 'bitnet';
  if (method === QUANT_METHOD) {
    const version = quantization.layout_version ?? LAYOUT_VERSION;
    if (version === LAYOUT_VERSION) return 'divide';
    throw new CheckpointError(
      `quantization_config.layout_version is ${quote(version)}, wanted ${LAYOUT_VERSION}: a newer version of this library reads it.`,
    );
  }
  if (method !== 'bitnet') {
    throw new CheckpointError(
      `weights quantised by ${quote(method)} are not understood; known are 'bitnet' and '${QUANT_METHOD}'.`,
    );
  }
  if ((quantization.quantization_mode ?? 'offline') !== 'offline') {
    throw new CheckpointError(
      `quantization_mode ${quote(quantization.quantization_mode)} keeps full-precision weights and rounds them in every pass; ` +
        `take the packed ('offline') version of this checkpoint.`,
    );
  }
  if (quantization.use_rms_norm === true) {
    throw new CheckpointError(
      'quantization_config.use_rms_norm puts a norm into every ternary layer, which is not understood yet.',
    );
  }
  const kind = quantization.linear_class ?? 'bitlinear';
  if (kind === 'bitlinear') return 'divide';
  if (kind === 'autobitlinear') return 'multiply';
  throw new CheckpointError(
    `quantization_config.linear_class is ${quote(kind)}, wanted 'bitlinear' or 'autobitlinear'.`,
  );
}
