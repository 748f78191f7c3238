/** Interventions in a request. */
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { withInlineVectors } from '../../interventions/inline-vectors.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { badRequest } from '../http/api-error.ts';

/** Checked against the model. Throws ApiError. */
export function interventionsFrom(model: Model, value: object | undefined): Interventions | undefined {
  if (value === undefined) return undefined;
  try {
    return model.checkInterventions(withInlineVectors(value));
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'interventions', 'invalid_value');
    throw error;
  }
}
