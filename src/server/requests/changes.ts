/** What a request changes in a model: interventions, and an adapter by its name. */
import type { Adapter } from '../../adapters/adapter.ts';
import type { Model } from '../../api/model.ts';
import { CheckpointError, UsageError } from '../../base/errors.ts';
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

/**
 * What a client is told of a failure: numbers that overflow under its interventions are its own fault, not the model's.
 */
export function failureUnder(interventions: Interventions | undefined, error: unknown): unknown {
  if (!interventions || !(error instanceof CheckpointError)) return error;
  return badRequest(
    'under these interventions the numbers of the model are no numbers any more: make them smaller.',
    'interventions',
    'invalid_value',
  );
}

function interventionsFrom(model: Model, value: object | undefined): Interventions | undefined {
  if (value === undefined) return undefined;
  try {
    return model.checkInterventions(withInlineVectors(value));
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'interventions', 'invalid_value');
    throw error;
  }
}
