/** Generates a text, as generate_until of lm-evaluation-harness 0.4.13 does. */
import type { SamplingOptions } from '../../sampler/sampler.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { AnswerOptions } from './options.ts';

export interface TextSettings {
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
}

/** The text after a prompt, up to the first stop text. Throws what `generate` of the scheduler throws. */
export async function generateText(
  scheduler: Scheduler,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  { until, maxNewTokens, sampling }: TextSettings,
  { interventions, adapter, signal }: Pick<AnswerOptions, 'interventions' | 'adapter' | 'signal'>,
): Promise<string> {
  const { eosId } = tokenizer;
  const end = eosId === undefined ? [] : [tokenizer.decode([eosId], { skipSpecialTokens: false })];
  const stops = [...until, ...end.filter((text) => !until.includes(text))];
  const steps = scheduler.generate(prompt, {
    ...{ temperature: 0, ...sampling },
    // An empty stop text is found at once, after the first token.
    maxNewTokens: stops.includes('') ? 1 : maxNewTokens,
    stop: stops.filter((text) => text !== ''),
    stopIds: eosId === undefined ? [] : [eosId],
    ...{ interventions, adapter, signal },
  });
  const ids: number[] = [];
  for await (const { id } of steps) if (id !== undefined) ids.push(id);
  return cut(tokenizer.decode(ids), stops);
}

/** What stands before the stop texts. */
function cut(text: string, stops: readonly string[]): string {
  let kept = text;
  for (const stop of stops) if (stop !== '') kept = kept.split(stop, 1)[0] as string;
  return kept;
}
