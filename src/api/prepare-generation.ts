/** Checks of a call that generates, before anything is computed, and the sequences that it comes to. */
import { UsageError } from '../base/errors.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import type { Interventions } from '../interventions/interventions.ts';
import { bothTraces } from '../interventions/provenance.ts';
import { type SequenceInterventions, sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { checkSequences, type Engine } from '../runtime/engine.ts';
import type { PrefixCache } from '../runtime/prefix-cache.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { State } from '../runtime/state.ts';
import { MAX_TOP } from '../runtime/summaries.ts';
import { Sampler } from '../sampler/sampler.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { GeneratedSequence } from './generated-sequence.ts';
import { GENERATION_OPTIONS, type GenerationOptions, MAX_NEW_TOKENS } from './generation-options.ts';
import { StopText } from './stop-text.ts';

export interface GenerationInput {
  readonly ids: readonly number[];
  /** The state to continue from; at the end it has read the prompt and all new ids. Without one, a temporary state is used. */
  readonly state?: State;
}

export interface PreparedGeneration {
  readonly sequences: readonly GeneratedSequence[];
  readonly cache: PrefixCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Throws UsageError on bad ids or options. */
export function prepareGeneration(
  engine: Engine,
  inputs: readonly GenerationInput[],
  tokenizer: Tokenizer | undefined,
  endIds: ReadonlySet<number>,
  options: GenerationOptions = {},
): PreparedGeneration {
  const {
    maxNewTokens,
    maxLength,
    stop,
    stopIds,
    ignoreEnd,
    alternatives,
    cache,
    signal,
    interventions,
    interventionsOf,
    adapter,
    adapterOf,
    mask,
    ...sampling
  } = checkOptions('generation', options, GENERATION_OPTIONS);
  if (stop.length > 0 && !tokenizer)
    throw new UsageError('stop texts need a tokenizer, and this model has none; use stopIds.');
  const stops = [stop].flat();
  new StopText(stops); // checked also when there are no prompts
  const { vocabSize, contextLength } = engine.model.facts;
  checkSequences(engine.model.facts, inputs);
  const adapters = eachOf('adapterOf', inputs, adapter, adapterOf);
  for (const one of adapters) one?.checkUsable(engine.backend);
  const unders = undersOf(engine, inputs, eachOf('interventionsOf', inputs, interventions, interventionsOf), adapters);
  if (cache && cache.engine !== engine) throw new UsageError('this prefix cache belongs to another model.');
  if (cache && inputs.some(({ state }) => state))
    throw new UsageError('a state and a prefix cache came together: give one of the two.');
  const ends = new Set([...stopIds, ...(ignoreEnd ? [] : endIds)]);
  const sampler = new Sampler(sampling, ends);
  const most = Math.min(alternatives, vocabSize);
  // For greedy decoding, the logits need not be copied from the backend.
  const summary = sampler.takesLikeliest && !mask && most <= MAX_TOP ? { top: Math.max(1, most) } : undefined;
  const limits = inputs.map(({ ids, state }) =>
    limitOf({ maxNewTokens, maxLength }, (state?.length ?? 0) + ids.length),
  );
  const sequences = inputs.map(
    ({ ids, state }, index) =>
      new GeneratedSequence({
        ...{ index, ids, given: state, under: unders[index], adapter: adapters[index], limit: limits[index] as number },
        ...{ contextLength, sampler: index === 0 ? sampler : sampler.clone(), stops, ends, tokenizer, summary },
        alternatives: alternatives > 0 ? most : undefined,
        mask: mask?.begin(ends),
      }),
  );
  return { sequences, cache, signal };
}

/** The option of each prompt: one for all, or a list. */
function eachOf<T>(
  name: string,
  inputs: readonly unknown[],
  all: T | undefined,
  each: readonly (T | undefined)[] | undefined,
): (T | undefined)[] {
  if (each && each.length !== inputs.length)
    throw new UsageError(`${name} has ${each.length} entries, wanted one for each of the ${inputs.length} prompts.`);
  return inputs.map((_, i) => (each ? each[i] : all));
}

/**
 * The interventions on each sequence. Throws UsageError when they do not fit the model, or when the state was made under others or with another
 * adapter.
 */
function undersOf(
  { model }: Engine,
  inputs: readonly GenerationInput[],
  options: readonly (InterventionsOption | undefined)[],
  adapters: readonly (GenerationOptions['adapter'] | undefined)[],
): (SequenceInterventions | undefined)[] {
  const compiled = new Map<InterventionsOption, Interventions>();
  return inputs.map(({ ids, state }, i) => {
    const option = options[i];
    const own = option && (compiled.get(option) ?? compile(option, targetOf(model)));
    if (option && own) compiled.set(option, own);
    const under = own && sequenceOf(own, { promptLength: (state?.length ?? 0) + ids.length });
    state?.checkContinues(bothTraces(adapters[i], under));
    return under;
  });
}

/** Most new tokens after a prompt of this length. */
function limitOf({ maxNewTokens, maxLength }: GenerationOptions, promptLength: number): number {
  if (maxNewTokens !== undefined || maxLength === undefined) return maxNewTokens ?? MAX_NEW_TOKENS;
  if (promptLength < maxLength) return maxLength - promptLength;
  throw new UsageError(
    `the prompt has ${promptLength} tokens, and maxLength is ${maxLength} with those to add: give a larger one, or maxNewTokens.`,
  );
}
