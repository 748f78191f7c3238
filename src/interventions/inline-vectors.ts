/** Interventions as JSON whose vectors are lists of numbers, as requests have them. They are whole in themselves: no file is read for them. */
import { UsageError } from '../base/errors.ts';
import type { InterventionsOption } from './compile.ts';
import type { VectorTensor } from './intervention.ts';

/** Throws UsageError when the vectors are something else. The interventions themselves are not checked. */
export function withInlineVectors(value: object): InterventionsOption {
  const set = value as Record<string, unknown>;
  const { vectors } = set;
  if (Array.isArray(value) || vectors === undefined || vectors instanceof Map) return value as InterventionsOption;
  if (typeof vectors !== 'object' || vectors === null || Array.isArray(vectors))
    throw new UsageError(
      'vectors of a request are an object of names and lists of numbers; files are not read for a request.',
    );
  const read = Object.entries(vectors).map(([name, numbers]): [string, VectorTensor] => {
    if (!Array.isArray(numbers) || numbers.length === 0 || !numbers.every((one) => Number.isFinite(one)))
      throw new UsageError(`the vector '${name.slice(0, 60)}' has to be a list of finite numbers.`);
    return [name, { shape: [numbers.length], dtype: 'f32', data: Float32Array.from(numbers) }];
  });
  return { ...set, vectors: new Map(read) } as unknown as InterventionsOption;
}
