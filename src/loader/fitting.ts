/** Chooses a weight format that fits: all weights into the available memory, and each tensor into one allocation. */
import { UsageError } from '../base/errors.ts';
import { byteSize, show } from '../base/tensor.ts';
import { AUTO_FORMATS, WEIGHT_FORMATS, type WeightFormat } from './formats.ts';
import type { Plan } from './plan.ts';

export interface FittingOptions {
  readonly weights?: WeightFormat | undefined;
  readonly memoryBytes?: number | undefined;
  readonly maxTensorBytes?: number | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

interface Declared {
  readonly plan: Plan;
  readonly weights: WeightFormat;
}

type Declare<D> = (weights: WeightFormat) => D;

/**
 * Declares a model in the requested format; for `auto` in the first that fits into memory, or else the smallest. Throws UsageError when a
 * tensor is too large for one allocation.
 */
export function declareFitting<D extends Declared>(declare: Declare<D>, options: FittingOptions): D {
  const { weights = 'auto', memoryBytes = Number.POSITIVE_INFINITY, onWarning } = options;
  const [first, ...smaller] = weights === 'auto' ? AUTO_FORMATS : [weights];
  const stored = declare(first as WeightFormat);
  let chosen = stored;
  for (const format of smaller.filter((format) => chosen.plan.suits(format))) {
    if (chosen.plan.bytes + chosen.plan.passingBytes <= memoryBytes && tooLarge(chosen, options) === undefined) break;
    chosen = declare(format);
  }
  const problem = tooLarge(chosen, options);
  if (problem !== undefined) {
    const others = formatsThatFit(declare, chosen, options).filter((format) => format !== 'auto');
    const advice = others.length > 0 ? `take the weights as ${others.join(', ')}` : 'no format makes it small enough';
    throw new UsageError(`${problem}: ${advice}.`);
  }
  const before = chosen === stored ? undefined : tooLarge(stored, options);
  if (before !== undefined) onWarning?.(`${before}: the weights are kept as ${chosen.weights}.`);
  return chosen;
}

/** The formats that suit the checkpoint and in which every tensor fits into one allocation. */
export function formatsThatFit<D extends Declared>(
  declare: Declare<D>,
  chosen: D,
  options: FittingOptions,
): WeightFormat[] {
  const suiting = WEIGHT_FORMATS.filter((format) => chosen.plan.suits(format));
  return suiting.filter((format) => {
    if (format === 'auto') return true; // it always finds a format
    return tooLarge(format === chosen.weights ? chosen : declare(format), options) === undefined;
  });
}

/** Text on the tensor that does not fit. */
function tooLarge({ plan }: Declared, { maxTensorBytes = Number.POSITIVE_INFINITY }: FittingOptions) {
  const { largest } = plan;
  if (!largest) return undefined;
  const { name, target } = largest;
  const bytes = byteSize(target.shape, target.dtype);
  if (bytes <= maxTensorBytes) return undefined;
  return (
    `'${plan.tensors.get(name)?.name ?? name}' ${show(target.shape)} takes ${bytes} bytes as ${target.dtype}, and one tensor may take ` +
    `${maxTensorBytes} at most, because it must fit into one memory with 32-bit addresses`
  );
}
