/**
 * Packed weights in files: bytes of their format's portable layout, as U8. A stored tensor that a model uses as several holds the rows of
 * these one after another. docs/weight-formats.md describes this for readers in other languages.
 */

import { CheckpointError, quote } from '../base/errors.ts';
import { type ElementType, isPacked, type Shape, show } from '../base/tensor.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { QUANT_METHOD } from '../formats/blocks.ts';
import type { MatrixFormat } from '../formats/format.ts';
import { MATRIX_FORMATS } from '../formats/index.ts';
import type { JsonObject } from '../models/config.ts';

/** Of the portable layouts. 1 was in the order of one processor's kernels, and never released. */
export const LAYOUT_VERSION = 2;

/** Formats whose files only this library reads. */
const OWN: readonly MatrixFormat[] = MATRIX_FORMATS.filter(({ quantMethod }) => quantMethod === QUANT_METHOD);

/** Is a stored tensor in the portable layout of this type? */
export const isStoredPacked = (stored: StoredTensor, type: ElementType): boolean =>
  isPacked(type) && stored.dtype === 'U8';

/** Live tensors [..., N, J] of one stored tensor, taken together. They differ in N only. */
export function fused(shapes: readonly Shape[]): number[] {
  const [first = []] = shapes;
  const rows = shapes.reduce((sum, shape) => sum + (shape.at(-2) as number), 0);
  return [...first.slice(0, -2), rows, first.at(-1) as number];
}

/** The format of a tensor stored as U8. Throws CheckpointError when it does not hold live tensors of these shapes, or in another layout. */
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

/** Those of the formats in use that only this library reads, by name. */
export function ownFormats(types: Iterable<ElementType>): string[] {
  const used = new Set(types);
  return OWN.filter((format) => used.has(format))
    .map(({ name }) => name)
    .sort();
}

/** What files say of themselves when they hold such formats. */
export function packedMetadata(formats: readonly string[]): Record<string, string> {
  return {
    format: 'pt',
    quant_method: QUANT_METHOD,
    weight_format: formats.join(' '),
    layout_version: String(LAYOUT_VERSION),
  };
}

/** A config.json that says so too; as it is when it describes its weights already, such as ternary layers. */
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

/** Throws CheckpointError when `where` says that it holds weights of another layout. Versions are numbers in config.json, texts in metadata. */
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
