/** What a request changes in a model: interventions, and an adapter by its name. */
import type { Adapter } from '../../adapters/adapter.ts';
import type { Model } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { withInlineVectors } from '../../interventions/inline-vectors.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { badRequest } from '../http/api-error.ts';
import { adapterNamed, type NamedModel } from '../models/served-model.ts';

export interface Changes {
  readonly interventions: Interventions | undefined;
  readonly adapter: Adapter | undefined;
}

/** Checked against the model. Throws ApiError. */
export const changesOf = (
  named: NamedModel,
  { interventions, adapter }: { readonly interventions?: object | undefined; readonly adapter?: string | undefined },
): Changes => ({
  interventions: interventionsFrom(named.model, interventions),
  adapter: adapterNamed(named, adapter),
});

function interventionsFrom(model: Model, value: object | undefined): Interventions | undefined {
  if (value === undefined) return undefined;
  try {
    return model.checkInterventions(withInlineVectors(value));
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'interventions', 'invalid_value');
    throw error;
  }
}
