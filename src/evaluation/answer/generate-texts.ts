/** Generates the texts of some prompts together, as generate_until of lm-evaluation-harness 0.4.13 does it one by one. */
import { generate } from '../../api/generate.ts';
import type { ModelParts } from '../../api/model-parts.ts';
import type { State } from '../../runtime/state.ts';
import { changedDefaults, withDefaults } from '../../sampler/generation-config.ts';
import type { SamplingOptions } from '../../sampler/sampler.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { AnswerOptions } from './options.ts';

export interface TextSettings {
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
}

export interface PromptState {
  /** The prompt. */
  readonly ids: readonly number[];
  /** Has read the prompt without its last token; it is disposed of at the end. */
  readonly state: State;
}

/** The texts of these prompts, up to the first stop text. */
export async function generateTexts(
  { opened, engine }: ModelParts,
  tokenizer: Tokenizer,
  prompts: readonly PromptState[],
  { until, maxNewTokens, sampling }: TextSettings,
  { interventions, adapter, signal }: Pick<AnswerOptions, 'interventions' | 'adapter' | 'signal'>,
): Promise<string[]> {
  const { eosId } = tokenizer;
  const end = eosId === undefined ? [] : [tokenizer.decode([eosId], { skipSpecialTokens: false })];
  const stops = [...until, ...end.filter((text) => !until.includes(text))];
  const options = {
    ...withDefaults(changedDefaults(opened.generation, undefined), { temperature: 0, ...sampling }),
    // An empty stop text is found at once, after the first token.
    maxNewTokens: stops.includes('') ? 1 : maxNewTokens,
    stop: stops.filter((text) => text !== ''),
    stopIds: eosId === undefined ? [] : [eosId],
    ...{ interventions, adapter, signal },
  };
  const inputs = prompts.map(({ ids, state }) => ({ ids: ids.slice(-1), state }));
  const found: number[][] = prompts.map(() => []);
  try {
    for await (const { index, id } of generate(engine, inputs, tokenizer, opened.endIds, options))
      if (id !== undefined) found[index]?.push(id);
  } finally {
    for (const { state } of prompts) state.dispose();
  }
  return found.map((ids) => cut(tokenizer.decode(ids), stops));
}

/** What stands before the stop texts. */
function cut(text: string, stops: readonly string[]): string {
  let kept = text;
  for (const stop of stops) if (stop !== '') kept = kept.split(stop, 1)[0] as string;
  return kept;
}
