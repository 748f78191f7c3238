/**
 * Weights of the formats q8 and q4 in files: their bytes as they lie in memory, as U8 of shape [panels, blocks, bytes of a block], with the
 * experts in front. A stored tensor of several live ones holds their panels one after another, each filled up to whole panels.
 * docs/weight-formats.md describes this for readers in other languages.
 */
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { CheckpointError } from '../errors.ts';
import type { JsonObject } from '../models/config.ts';
import { BLOCK_BYTES, BLOCK_COLUMNS, type BlockDType, PANEL_ROWS, type Shape, show } from '../tensor.ts';

/** `quant_method` of a config.json whose weights are blocks: other programs then refuse them by name. */
export const QUANT_METHOD = 'portmanteau';

/** Of the layout; files of another are refused. */
export const LAYOUT_VERSION = 1;

const DTYPES = Object.keys(BLOCK_BYTES) as BlockDType[];

/** How live tensors [..., N, J] of one stored tensor are stored: [..., panels, blocks, bytes of a block]. They differ in N only. */
export function storedBlockShape(shapes: readonly Shape[], dtype: BlockDType): number[] {
  const panels = shapes.reduce((sum, shape) => sum + panelsOf(shape), 0);
  const [first = []] = shapes;
  return [...first.slice(0, -2), panels, Math.ceil((first.at(-1) as number) / BLOCK_COLUMNS), BLOCK_BYTES[dtype]];
}

/** Panels of one matrix of a tensor [..., N, J]. */
export const panelsOf = (shape: Shape): number => Math.ceil((shape.at(-2) as number) / PANEL_ROWS);

/** The format of a tensor stored as U8. Throws CheckpointError when it holds no blocks of live tensors of these shapes. */
export function storedBlockDType({ name, shape, file }: StoredTensor, shapes: readonly Shape[]): BlockDType {
  const found = DTYPES.find((dtype) => show(storedBlockShape(shapes, dtype)) === show(shape));
  if (found) return found;
  const wanted = DTYPES.map((dtype) => `${show(storedBlockShape(shapes, dtype))} (${dtype})`).join(' or ');
  throw new CheckpointError(
    `'${name}' is U8 ${show(shape)} in ${file}, but config.json makes it ${shapes.map(show).join(' and ')}, which is stored as ${wanted}, ` +
      `or as F32, F16 or BF16.`,
  );
}

/** What files say of themselves when they hold blocks. */
export function blockMetadata(dtypes: Iterable<BlockDType>): Record<string, string> {
  return {
    format: 'pt',
    quant_method: QUANT_METHOD,
    weight_format: [...new Set(dtypes)].sort().join(' '),
    layout_version: String(LAYOUT_VERSION),
  };
}

/** A config.json with a word on its blocks; as it is when it has words on its weights already, such as those of ternary layers. */
export function configWithBlocks(config: JsonObject, dtypes: Iterable<BlockDType>): JsonObject {
  const { quantization_config: before } = config;
  const isEmpty = typeof before === 'object' && Object.keys(before ?? {}).length === 0;
  if (before !== undefined && !isEmpty) return config;
  const weight_format = [...new Set(dtypes)].sort().join(' ');
  return {
    ...config,
    quantization_config: { quant_method: QUANT_METHOD, weight_format, layout_version: LAYOUT_VERSION },
  };
}
