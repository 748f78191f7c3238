/** What comes after several prompts, each read under interventions of its own: for sweeps over many changes of one prompt. */
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf } from '../options/option.ts';
import type { Engine } from '../runtime/engine.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { encodePrompt, type Prompt } from './prompt.ts';

export const LAST_LOGITS_OPTIONS = { signal: kinds.signal };

export interface PromptRun {
  readonly prompt: Prompt;
  readonly interventions?: InterventionsOption | undefined;
}

/** Logits [V] of the next token for each. Throws UsageError on prompts and interventions that do not fit the model. */
export async function lastLogits(
  opened: OpenedModel,
  engine: Engine,
  runs: readonly PromptRun[],
  options: OptionsOf<typeof LAST_LOGITS_OPTIONS>,
): Promise<Float32Array[]> {
  const { signal } = checkOptions('lastLogits', options, LAST_LOGITS_OPTIONS);
  const target = targetOf(engine.model);
  const inputs = runs.map(({ prompt, interventions }) => {
    const ids = encodePrompt(opened, prompt);
    return {
      ids,
      interventions: interventions && sequenceOf(compile(interventions, target), { promptLength: ids.length }),
    };
  });
  const requests = inputs.map((input) => ({ ...input, state: engine.newState(), signal }));
  try {
    return await engine.read(requests);
  } finally {
    for (const { state } of requests) state.dispose();
  }
}
