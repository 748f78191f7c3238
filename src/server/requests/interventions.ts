/** Interventions in a request. They are whole in themselves: no file is read for them. */
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import type { InterventionsOption } from '../../interventions/compile.ts';
import type { VectorTensor } from '../../interventions/intervention.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { badRequest } from '../http/api-error.ts';

/** Checked against the model. Throws ApiError. */
export function interventionsFrom(model: Model, value: object | undefined): Interventions | undefined {
  if (value === undefined) return undefined;
  try {
    return model.checkInterventions(withVectors(value));
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'interventions', 'invalid_value');
    throw error;
  }
}

function withVectors(value: object): InterventionsOption {
  const set = value as Record<string, unknown>;
  const { vectors } = set;
  if (Array.isArray(value) || vectors === undefined) return value as InterventionsOption;
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
