/**
 * Packed weights in files: U8 tensors in the portable layout of their format. A stored tensor from which a model takes several slices holds
 * their rows one after another. docs/weight-formats.md describes the layout for other programs.
 */

import { CheckpointError, quote } from '../base/errors.ts';
import { type ElementType, isPacked, type Shape, show } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { QUANT_METHOD } from '../formats/blocks.ts';
import type { MatrixFormat } from '../formats/format.ts';
import { MATRIX_FORMATS } from '../formats/index.ts';
import type { JsonObject } from '../models/config.ts';

/** Version of the portable layouts. Version 1, ordered for one processor's kernels, was never released. */
export const LAYOUT_VERSION = 2;

/** The formats that only this library can read. */
const OWN: readonly MatrixFormat[] = MATRIX_FORMATS.filter(({ quantMethod }) => quantMethod === QUANT_METHOD);

/** Is this a tensor in the portable layout of this format? */
export const isStoredPacked = (stored: StoredTensor, type: ElementType): boolean =>
  isPacked(type) && stored.dtype === 'U8';

/** Shape of live tensors [..., N, J] concatenated along N, in which alone they differ. */
export function fused(shapes: readonly Shape[]): number[] {
  const [first = []] = shapes;
  const rows = shapes.reduce((sum, shape) => sum + (shape.at(-2) as number), 0);
  return [...first.slice(0, -2), rows, first.at(-1) as number];
}

/**
 * The packed format of a tensor stored as U8. Throws CheckpointError when its size does not fit live tensors of these shapes, or when it
 * has another layout.
 */
export function storedFormat({ name, shape, file, metadata }: StoredTensor, shapes: readonly Shape[]): MatrixFormat {
  checkLayout(file, metadata ?? {});
  const storedIn = (format: MatrixFormat) => show(format.storedShape(fused(shapes)));
  const found = OWN.find((format) => storedIn(format) === show(shape));
  if (found) return found;
  const wanted = OWN.map((format) => `${storedIn(format)} (${format})`).join(' or ');
  throw new CheckpointError(
    `'${name}' is U8 ${show(shape)} in ${file}, but config.json makes it ${shapes.map(show).join(' and ')}, which is stored as ${wanted}, ` +
      `or as F32, F16 or BF16.`,
  );
}

/** Names of the formats in use that only this library can read. */
export function ownFormats(types: Iterable<ElementType>): string[] {
  const used = new Set(types);
  return OWN.filter((format) => used.has(format))
    .map(({ name }) => name)
    .sort();
}

/** Metadata of files that hold such formats. */
export function packedMetadata(formats: readonly string[]): Record<string, string> {
  return {
    format: 'pt',
    quant_method: QUANT_METHOD,
    weight_format: formats.join(' '),
    layout_version: String(LAYOUT_VERSION),
  };
}

/** Adds such formats to config.json; unchanged when it already describes its weights, such as ternary layers. */
export function configWithFormats(config: JsonObject, formats: readonly string[]): JsonObject {
  const { quantization_config: before } = config;
  const isEmpty = typeof before === 'object' && Object.keys(before ?? {}).length === 0;
  if (before !== undefined && !isEmpty) return config;
  const weight_format = formats.join(' ');
  return {
    ...config,
    quantization_config: { quant_method: QUANT_METHOD, weight_format, layout_version: LAYOUT_VERSION },
  };
}

/**
 * Throws CheckpointError when the layout version in `said` is not this library's. Versions are numbers in config.json, strings in metadata.
 */
export function checkLayout(where: string, said: Readonly<Record<string, unknown>>): void {
  const { quant_method: method, layout_version: version } = said;
  if (method !== QUANT_METHOD || version === LAYOUT_VERSION || version === String(LAYOUT_VERSION)) return;
  const older = Number(version) < LAYOUT_VERSION;
  throw new CheckpointError(
    `${where} has layout_version ${quote(version)}, and this version of the library reads ${LAYOUT_VERSION}: ` +
      (older
        ? 'convert the original checkpoint again with `portmanteau quantize`.'
        : 'take a newer version of the library.'),
  );
}
