/** The generation loop of model, sampler and tokenizer: one token per round for every open sequence. */
import type { Adapter } from '../adapters/adapter.ts';
import { UsageError } from '../base/errors.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import type { Interventions } from '../interventions/interventions.ts';
import { bothTraces } from '../interventions/provenance.ts';
import { type SequenceInterventions, sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { holds, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import { checkSequences, type Engine, type Request } from '../runtime/engine.ts';
import { PrefixCache } from '../runtime/prefix-cache.ts';
import { Reader } from '../runtime/reader.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { State } from '../runtime/state.ts';
import { MAX_TOP, Summaries, type SummaryRequest, type TokenLogprob } from '../runtime/summaries.ts';
import { SAMPLING_OPTIONS, type SamplingOptions } from '../sampler/options.ts';
import { logSumExp, Sampler, topLogprobs } from '../sampler/sampler.ts';
import type { TextStream, Tokenizer } from '../tokenizer/tokenizer.ts';
import { anAdapter } from './adapter-option.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import { StopText } from './stop-text.ts';

const MAX_NEW_TOKENS = 128;

/** The options of the loop and of the sampler. */
export const GENERATION_OPTIONS = {
  /** Most tokens to add; default 128, unless maxLength is given. */
  maxNewTokens: option(kinds.fromZero, `most tokens to add (default: ${MAX_NEW_TOKENS})`),
  /** Most tokens of prompt and text together, including those that the state has read; maxNewTokens takes precedence. */
  maxLength: option(kinds.fromOne, 'most tokens of prompt and text together'),
  /** Generation ends before the first of these texts, which is not part of the result. Special tokens match by their names. */
  stop: option(kinds.textOrTexts, 'end before this text', []),
  /** Ids that end the generation, in addition to the model's own end-of-text. They are returned as ids, without text. */
  stopIds: option(kinds.ids, 'end after one of these ids', []),
  /** Goes on after the model's own end-of-text. */
  ignoreEnd: option(kinds.flag, "go on after the model's end-of-text", false),
  /** Number of most likely tokens to report for each step. */
  alternatives: option(kinds.fromZero, 'the k most likely tokens of each step', 0),
  /** Cache of the states of earlier prompts; the states of this call are added to it. */
  cache: ownKind<PrefixCache>('a PrefixCache, as newPrefixCache() gives', (value) => value instanceof PrefixCache),
  /** Interventions on the model's values, for all prompts. */
  interventions: INTERVENTIONS,
  /** Interventions for each prompt, instead of `interventions`. */
  interventionsOf: ownKind<readonly (InterventionsOption | undefined)[]>(
    'a list with interventions, or undefined, for each prompt',
    (value) => Array.isArray(value) && value.every((one) => one === undefined || holds(INTERVENTIONS, one)),
  ),
  /** An adapter of this model, as `loadAdapter` gives, for all prompts. */
  adapter: anAdapter,
  /** An adapter for each prompt, or undefined for none, instead of `adapter`. */
  adapterOf: ownKind<readonly (Adapter | undefined)[]>(
    'a list with an Adapter, or undefined, for each prompt',
    (value) => Array.isArray(value) && value.every((one) => one === undefined || holds(anAdapter, one)),
  ),
  signal: kinds.signal,
  ...SAMPLING_OPTIONS,
};

export interface GenerationOptions extends SamplingOptions, OptionsOf<typeof GENERATION_OPTIONS> {}

/** One of the most likely tokens of a step. */
export interface Alternative {
  readonly id: number;
  /** For display; empty when the model has no tokenizer. */
  readonly text: string;
  /** Natural logarithm of the model's probability. */
  readonly logprob: number;
}

/** `length`: maxNewTokens was reached, or the context is full. */
export type FinishReason = 'stop' | 'length';

/** What one round adds to one sequence. The last step of a sequence has a finishReason and no id. */
export interface GenerationStep {
  /** Index of the prompt. */
  readonly index: number;
  readonly id?: number;
  /** Final text: never a part of a character, nor text that may become part of a stop text. May be empty. */
  readonly text: string;
  /** Natural logarithm of the model's probability, before sampling options. */
  readonly logprob?: number;
  readonly alternatives?: readonly Alternative[];
  readonly finishReason?: FinishReason;
  /** In the last step, with a cache: number of the prompt's tokens that were in the cache. */
  readonly cachedTokens?: number;
  /** In the last step, with sampling: the seed that reproduces the text. */
  readonly seed?: number;
}

export interface GenerationInput {
  readonly ids: readonly number[];
  /** The state to continue from; at the end it has read the prompt and all new ids. Without one, a temporary state is used. */
  readonly state?: State;
}

interface Open {
  readonly index: number;
  readonly state: State;
  readonly under: SequenceInterventions | undefined;
  readonly adapter: Adapter | undefined;
  readonly owned: boolean;
  readonly cachedTokens: number | undefined;
  readonly prompt: readonly number[];
  readonly generated: number[];
  /** Most tokens to generate. */
  readonly limit: number;
  readonly sampler: Sampler;
  readonly stream: TextStream | undefined;
  readonly stop: StopText;
  /** Ids to be read next. */
  pending: readonly number[];
  /** The rest of the prompt, divided where copies of the state are kept. */
  readonly later: (readonly number[])[];
}

/** Throws UsageError on bad ids or options before anything is computed, and AbortError between rounds. */
export async function* generate(
  engine: Engine,
  inputs: readonly GenerationInput[],
  tokenizer: Tokenizer | undefined,
  endIds: ReadonlySet<number>,
  options: GenerationOptions = {},
): AsyncGenerator<GenerationStep, void, undefined> {
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
    ...sampling
  } = checkOptions('generation', options, GENERATION_OPTIONS);
  if (stop.length > 0 && !tokenizer)
    throw new UsageError('stop texts need a tokenizer, and this model has none; use stopIds.');
  const stops = [stop].flat();
  new StopText(stops); // checked before a state takes memory
  checkSequences(engine.model.facts, inputs);
  const adapters = eachOf('adapterOf', inputs, adapter, adapterOf);
  for (const one of adapters) one?.checkUsable(engine.backend);
  const unders = undersOf(engine, inputs, eachOf('interventionsOf', inputs, interventions, interventionsOf), adapters);
  if (cache && cache.engine !== engine) throw new UsageError('this prefix cache belongs to another model.');
  if (cache && inputs.some(({ state }) => state))
    throw new UsageError('a state and a prefix cache came together: give one of the two.');
  const ends = new Set([...stopIds, ...(ignoreEnd ? [] : endIds)]);
  const sampler = new Sampler(sampling, ends);
  const most = Math.min(alternatives, engine.model.facts.vocabSize);
  // For greedy decoding, the logits need not be copied from the backend.
  const summary = sampler.takesLikeliest && most <= MAX_TOP ? { top: Math.max(1, most) } : undefined;
  const limits = inputs.map(({ ids, state }) =>
    limitOf({ maxNewTokens, maxLength }, (state?.length ?? 0) + ids.length),
  );
  const reader = new Reader<Request & { readonly sequence: Open }>(engine);
  /** Sequences whose pending tokens were not given to the reader yet. */
  const waiting: Open[] = [];
  const owned: State[] = [];
  try {
    for (const [index, { ids, state: given }] of inputs.entries()) {
      const state = given ?? (await cache?.take(ids, bothTraces(adapters[index], unders[index]))) ?? engine.newState();
      if (!given) owned.push(state);
      const cachedTokens = cache && state.length;
      const [pending = [], ...later] = pieces(ids, [cachedTokens ?? 0, ...(cache?.pointsIn(ids, state) ?? [])]);
      const prompt = [...(given?.ids ?? []), ...ids];
      waiting.push({
        index,
        state,
        under: unders[index],
        adapter: adapters[index],
        owned: !given,
        cachedTokens,
        prompt,
        generated: [],
        limit: limits[index] as number,
        sampler: index === 0 ? sampler : sampler.clone(),
        stream: tokenizer?.stream({ continues: prompt.some((id) => !tokenizer.specialIds.has(id)) }),
        stop: new StopText(stops),
        pending,
        later,
      });
    }
    while (waiting.length > 0 || reader.open > 0) {
      for (const sequence of waiting.splice(0)) {
        const { state, under, adapter: own, pending, later } = sequence;
        if (sequence.generated.length >= sequence.limit || isFull(engine, sequence))
          yield await finish(engine, sequence, 'length', signal);
        else {
          const rows = later.length > 0 ? 'none' : 'last';
          reader.add({ sequence, state, ids: pending, rows, summary, signal, interventions: under, adapter: own });
        }
      }
      if (reader.open === 0) return;
      for (const { request, output, failure } of await reader.round()) {
        if (failure) throw failure.error;
        const { sequence } = request;
        const more = sequence.later.shift();
        if (more) {
          await cache?.keepCopy(sequence.state);
          sequence.pending = more;
          waiting.push(sequence);
          continue;
        }
        const { id, logprob, top } = summary ? likeliestOf(output, summary) : chosenOf(output, sequence, most);
        sequence.generated.push(id);
        sequence.pending = [id];
        const facts = {
          index: sequence.index,
          id,
          logprob,
          ...(alternatives > 0 ? { alternatives: withText(top.slice(0, most), tokenizer) } : {}),
        };
        const ended = ends.has(id);
        const name = !ended && tokenizer?.specialIds.has(id) ? tokenizer.piece(id) : '';
        const shown = ended ? '' : sequence.stop.push(sequence.stream?.push(id) ?? '');
        const text = shown + sequence.stop.push(name, { hidden: true });
        yield { ...facts, text };
        if (ended || sequence.stop.found) yield await finish(engine, sequence, 'stop', signal);
        else waiting.push(sequence);
      }
    }
  } finally {
    for (const state of owned) cache ? cache.keep(state) : state.dispose();
  }
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
  adapters: readonly (Adapter | undefined)[],
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

/** The ids divided at these positions. */
function pieces(ids: readonly number[], places: readonly number[]): (readonly number[])[] {
  return places.map((from, i) => ids.slice(from, places[i + 1]));
}

/** Is the context full, so that the last token cannot be read? */
function isFull(engine: Engine, { state, pending, generated }: Open): boolean {
  const { contextLength } = engine.model.facts;
  return generated.length > 0 && contextLength !== undefined && state.length + pending.length > contextLength;
}

async function finish(
  engine: Engine,
  sequence: Open,
  finishReason: FinishReason,
  signal: AbortSignal | undefined,
): Promise<GenerationStep> {
  const { index, stream, stop, state, under, adapter, owned, cachedTokens, pending, sampler } = sequence;
  // At the end, the state must have read the prompt and all returned ids.
  if (!owned && pending.length > 0 && !isFull(engine, sequence))
    await engine.read([{ ids: pending, state, rows: 'none', signal, interventions: under, adapter }]);
  const held = stop.found ? '' : stop.push(stream?.end() ?? '') + stop.end();
  const { seed } = sampler;
  return {
    ...{ index, text: held, finishReason },
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(seed === undefined ? {} : { seed }),
  };
}

interface Chosen extends TokenLogprob {
  /** The most likely tokens, at least `alternatives` of them. */
  readonly top: readonly TokenLogprob[];
}

function likeliestOf(output: Float32Array, summary: SummaryRequest): Chosen {
  const top = new Summaries(output, summary).top(0);
  return { ...(top[0] as TokenLogprob), top };
}

function chosenOf(logits: Float32Array, sequence: Open, most: number): Chosen {
  const id = sequence.sampler.next(logits, sequence);
  return { id, logprob: (logits[id] as number) - logSumExp(logits), top: topLogprobs(logits, most) };
}

export const withText = (tokens: readonly TokenLogprob[], tokenizer: Tokenizer | undefined): Alternative[] =>
  tokens.map(({ id, logprob }) => ({ id, text: tokenizer?.piece(id) ?? '', logprob }));

/** Most new tokens after a prompt of this length. */
function limitOf({ maxNewTokens, maxLength }: GenerationOptions, promptLength: number): number {
  if (maxNewTokens !== undefined || maxLength === undefined) return maxNewTokens ?? MAX_NEW_TOKENS;
  if (promptLength < maxLength) return maxLength - promptLength;
  throw new UsageError(
    `the prompt has ${promptLength} tokens, and maxLength is ${maxLength} with those to add: give a larger one, or maxNewTokens.`,
  );
}
