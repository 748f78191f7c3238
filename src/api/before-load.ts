/** Checks of calls before the weights are loaded, which may take minutes. */
import { UsageError } from '../base/errors.ts';
import { matchSites } from '../inspect/capture.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import type { Interventions } from '../interventions/interventions.ts';
import { bothTraces, checkContinues, recordedTraces, type Traces } from '../interventions/provenance.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkSequences } from '../runtime/engine.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { StateDescription } from '../runtime/state-file.ts';
import { encodePrompt, type Prompt } from './prompt.ts';

/** Checks interventions before the weights are loaded: throws UsageError when the model does not have what they change. */
export function checkInterventions(opened: OpenedModel, option: InterventionsOption): Interventions {
  return compile(option, targetOf(opened.model));
}

/**
 * Checks a saved state before the weights are loaded: throws UsageError when it cannot continue under these interventions and with this adapter
 * (`adapterTracesOf`), as `generate` would.
 */
export function checkStateContinues(
  opened: OpenedModel,
  { ids, interventions: made }: Pick<StateDescription, 'ids' | 'interventions'>,
  option: InterventionsOption | undefined,
  promptLength: number,
  adapter?: Traces,
): void {
  const under = option && sequenceOf(checkInterventions(opened, option), { promptLength });
  if (ids.length > 0)
    checkContinues(made ? recordedTraces(made).traces(0, ids.length) : [], bothTraces(adapter, under));
}

/**
 * Checks, before the weights are loaded, that a model has these sites and can read this prompt. Returns the prompt's ids. Throws
 * UsageError.
 */
export function checkBeforeLoad(opened: OpenedModel, prompt: Prompt, sites: readonly string[] = []): readonly number[] {
  const ids = encodePrompt(opened, prompt);
  if (ids.length === 0) throw new UsageError('the prompt is empty: give at least one character.');
  checkSequences(opened.model.facts, [{ ids }]);
  matchSites(opened.model.sites, sites);
  return ids;
}
