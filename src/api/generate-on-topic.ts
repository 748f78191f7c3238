/** Generation whose senses are weighed by a topic in every step (arXiv 2305.16765, section 5.1). */
import type { TopicControl } from '../analysis/senses/topic.ts';
import { UsageError } from '../base/errors.ts';
import type { PromptOptions } from './generation-call.ts';
import type { GenerationStep } from './generation-options.ts';
import type { Model } from './model.ts';
import { type Prompts, promptList } from './prompt.ts';

/**
 * As `model.generate`, with the weights of senses that `model.senses.topic` gives; a step of several sequences weighs each by its own text.
 * Throws UsageError when other interventions came too.
 */
export async function* generateOnTopic(
  model: Model,
  topic: TopicControl,
  prompts: Prompts,
  options: PromptOptions = {},
): AsyncGenerator<GenerationStep> {
  if (options.interventions || options.interventionsOf)
    throw new UsageError('generateOnTopic weighs senses by an intervention of its own; leave other interventions out.');
  const { state, splitSpecialTokens } = options;
  await topic.prepare(state?.ids ?? []);
  for (const prompt of promptList(prompts)) await topic.prepare(model.encode(prompt, { splitSpecialTokens }));
  const interventions = [{ senses: {}, scale: ({ ids }: { readonly ids: readonly number[] }) => topic.weights(ids) }];
  for await (const step of model.generate(prompts, { ...options, interventions })) {
    if (step.id !== undefined) await topic.prepare([step.id]); // before the model reads it
    yield step;
  }
}
