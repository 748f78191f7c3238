/** Texts that a model writes while it is trained, by the key `samples` of a configuration: they show how it comes along, and change no bit of the run. */
import { UsageError } from '../base/errors.ts';
import type { InterventionSet } from '../interventions/intervention.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Ops } from '../ops/index.ts';
import { checkSequences, Engine } from '../runtime/engine.ts';
import type { TrainingConfig } from '../training/config.ts';
import { generate } from './generate.ts';
import type { ModelParts } from './model-parts.ts';
import { encodePrompt } from './prompt.ts';

export interface TrainingSample {
  readonly prompt: string;
  /** What the model adds to the prompt. */
  readonly text: string;
}

/** Throws UsageError when the model cannot read the prompts. No weights are needed. */
export function checkSamples(opened: OpenedModel, { samples }: TrainingConfig): void {
  if (!samples) return;
  if (!opened.tokenizer) throw new UsageError("'samples' needs a tokenizer, and this model has none: leave it out.");
  const inputs = samples.prompts.map((prompt) => ({ ids: encodePrompt(opened, prompt) }));
  const empty = inputs.findIndex(({ ids }) => ids.length === 0);
  if (empty >= 0)
    throw new UsageError(`samples.prompts[${empty}] has no token, and the model continues at least one: write a word.`);
  checkSequences(opened.model.facts, inputs);
}

/**
 * Continues the prompts of `samples` with the present weights. Equal weights, same texts: the likeliest token is taken, or with a temperature
 * tokens are drawn from the seed of the run. `ops`: those of the model, with the adapter in training. `interventions`: those in training.
 */
export async function writeSamples(
  { opened, engine: { backend } }: ModelParts,
  ops: Ops,
  { samples, seed }: TrainingConfig,
  interventions: InterventionSet | undefined,
): Promise<TrainingSample[]> {
  if (!samples) return [];
  const { prompts, maxNewTokens, temperature } = samples;
  // An engine for these texts alone: it has the ops of the adapter, and replays no step that was recorded at another lambda.
  const engine = new Engine(opened.model, backend, ops);
  const inputs = prompts.map((prompt) => ({ ids: encodePrompt(opened, prompt) }));
  const texts = prompts.map(() => '');
  const options = { maxNewTokens, temperature, seed, interventions };
  try {
    for await (const { index, text } of generate(engine, inputs, opened.tokenizer, opened.endIds, options))
      texts[index] += text;
  } finally {
    engine.dispose();
  }
  return prompts.map((prompt, i) => ({ prompt, text: texts[i] as string }));
}
