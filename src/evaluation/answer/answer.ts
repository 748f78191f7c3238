/**
 * Answers requests on a model. Beginnings that texts share are read once, and many texts in one step. The answers are those of reading every
 * text by itself, to the last bit, because no number of a text depends on others (docs/architecture.md, laws 1 and 2).
 */
import { type Model, partsOf } from '../../api/model.ts';
import type { ModelParts } from '../../api/model-parts.ts';
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import type { FilledOptions } from '../../options/option.ts';
import { checkSequences } from '../../runtime/engine.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { type EvaluationAnswer, type EvaluationRequest, isOfSenses } from '../requests.ts';
import { generateText } from './generate-text.ts';
import { ANSWER_OPTIONS, type AnswerOptions } from './options.ts';
import { ordered } from './order.ts';
import { maxLengthOf, PairEncoder, type ScoredIds } from './pairs.ts';
import { type LeafResult, readTree } from './read-tree.ts';
import { checkSenseRequests, senseNumbers } from './sense-numbers.ts';
import { type Sharing, sharingUnder } from './sharing.ts';
import { type Leaf, treeOf } from './tree.ts';

/** The answer to one request, or why there is none. */
export type Answered =
  | { readonly index: number; readonly answer: EvaluationAnswer }
  | { readonly index: number; readonly error: unknown };

/** About how many tokens are encoded before they are read. */
const ENCODED_TOKENS = 2 ** 20;

interface Run {
  readonly model: Model;
  readonly parts: ModelParts;
  readonly tokenizer: Tokenizer;
  readonly encoder: PairEncoder;
  readonly sharing: Sharing;
  readonly options: FilledOptions<typeof ANSWER_OPTIONS>;
}

/**
 * Yields an answer for each request, in any order. A request that cannot be answered gets its error, and the others go on. Throws UsageError on
 * wrong options, and when the model has no tokenizer; the signal's reason when it is aborted.
 */
export async function* answerRequests(
  model: Model,
  requests: readonly EvaluationRequest[],
  options: AnswerOptions = {},
): AsyncGenerator<Answered, void, undefined> {
  const filled = checkOptions('answering requests', options, ANSWER_OPTIONS);
  const parts = partsOf(model);
  const { opened, engine } = parts;
  const { tokenizer } = opened;
  if (!tokenizer) throw new UsageError('this checkpoint has no tokenizer, which evaluation needs.');
  checkSenseRequests(model, requests, filled);
  filled.adapter?.checkUsable(engine.backend);
  const longest = maxLengthOf(opened.config, model.facts.contextLength, tokenizer);
  const encoder = new PairEncoder(
    tokenizer,
    Math.min(filled.maxLength ?? longest, model.facts.contextLength ?? Infinity),
  );
  const sharing = sharingUnder(engine, filled.shares, filled.interventions);
  const run: Run = { model, parts, tokenizer, encoder, sharing, options: filled };
  yield* scored(run, requests);
  yield* generated(run, requests);
  for (const [index, request] of requests.entries()) {
    if (!isOfSenses(request)) continue;
    filled.signal?.throwIfAborted();
    try {
      yield { index, answer: { kind: 'numbers', numbers: await senseNumbers(model, request, filled.signal) } };
    } catch (error) {
      if (filled.signal?.aborted) throw error;
      yield { index, error };
    }
  }
}

/** A piece of a request: all of a pair, or one window of a text. */
interface Part extends Leaf {
  readonly index: number;
  readonly at: number;
}

/** What is known of a request that is read in pieces. */
interface Pending {
  left: number;
  readonly results: LeafResult[];
  readonly tokens: number;
}

async function* scored(run: Run, requests: readonly EvaluationRequest[]): AsyncGenerator<Answered> {
  const pending = new Map<number, Pending>();
  let parts: Part[] = [];
  let tokens = 0;
  for (const index of ordered(requests, (request) => request.kind !== 'generate' && !isOfSenses(request))) {
    const request = requests[index] as EvaluationRequest;
    let pieces: readonly ScoredIds[];
    try {
      pieces = piecesOf(run, request, index);
      checkIds(run, pieces);
    } catch (error) {
      yield { index, error };
      continue;
    }
    const scoredTokens = pieces.reduce((sum, { ids, first }) => sum + ids.length - first, 0);
    const own: Pending = { left: pieces.length, results: [], tokens: scoredTokens };
    if (own.left === 0) yield { index, answer: answerOf(request, own) };
    pending.set(index, own);
    for (const [at, { ids, first }] of pieces.entries()) {
      parts.push({ ids: Int32Array.from(ids), first, index, at });
      tokens += ids.length;
    }
    if (tokens < ENCODED_TOKENS) continue;
    yield* finish(run, requests, parts, pending);
    parts = [];
    tokens = 0;
  }
  yield* finish(run, requests, parts, pending);
}

function piecesOf({ encoder, options }: Run, request: EvaluationRequest, index: number): readonly ScoredIds[] {
  if (request.kind === 'rolling') return encoder.windows(request.text, options.rollingContext);
  if (request.kind === 'generate' || isOfSenses(request)) return [];
  const { lost, ...pair } = encoder.pair(request.context, request.continuation);
  if (lost > 0) options.onTruncated?.(index, lost);
  return [pair];
}

/** Throws UsageError when the tokenizer gives ids that the model does not have. */
function checkIds({ parts }: Run, sequences: readonly { readonly ids: readonly number[] }[]): void {
  checkSequences({ vocabSize: parts.engine.model.facts.vocabSize, contextLength: undefined }, sequences);
}

async function* finish(
  run: Run,
  requests: readonly EvaluationRequest[],
  parts: readonly Part[],
  pending: Map<number, Pending>,
): AsyncGenerator<Answered> {
  for await (const { leaf, result } of readAll(run, parts)) {
    const { index, at } = leaf;
    const own = pending.get(index) as Pending;
    own.results[at] = result;
    own.left--;
    if (own.left > 0) continue;
    pending.delete(index);
    const failed = own.results.find((one) => 'error' in one);
    if (failed && 'error' in failed) yield { index, error: failed.error };
    else yield { index, answer: answerOf(requests[index] as EvaluationRequest, own) };
  }
}

function answerOf({ kind }: EvaluationRequest, { results, tokens }: Pending): EvaluationAnswer {
  const all = results.flatMap((result) => ('error' in result ? [] : [result]));
  const logProbability = all.reduce((sum, one) => sum + one.logProbability, 0);
  if (kind === 'rolling') return { kind, logProbability, tokens };
  return { kind: 'loglikelihood', logProbability, isGreedy: all.every(({ isGreedy }) => isGreedy) };
}

/** Reads these texts. When a step fails, the texts are divided, so that in the end only those fail that fail alone. */
async function* readAll<L extends Leaf>(
  run: Run,
  leaves: readonly L[],
): AsyncGenerator<{ leaf: L; result: LeafResult }> {
  if (leaves.length === 0) return;
  const left = new Set(leaves);
  try {
    for await (const { leaf, result } of readTree(run.parts.engine, treeOf(leaves, run.sharing), readOptions<L>(run))) {
      left.delete(leaf);
      yield { leaf, result };
    }
  } catch (error) {
    if (run.options.signal?.aborted) throw error;
    const rest = [...left];
    if (rest.length === 1) yield { leaf: rest[0] as L, result: { error } };
    else {
      const half = Math.ceil(rest.length / 2);
      yield* readAll(run, rest.slice(0, half));
      yield* readAll(run, rest.slice(half));
    }
  }
}

const readOptions = <L extends Leaf>({ options, sharing }: Run) => ({
  softmaxDtype: options.softmaxDtype,
  stepTokens: options.stepTokens,
  stateBytes: options.stateBytes,
  adapter: options.adapter,
  interventionsOf: ({ ids }: L) => sharing.interventionsOf(ids.length),
  signal: options.signal,
});

type GenerateRequest = EvaluationRequest & { readonly kind: 'generate' };

interface PromptToGo {
  readonly index: number;
  readonly ids: readonly number[];
  readonly request: GenerateRequest;
}

async function* generated(run: Run, requests: readonly EvaluationRequest[]): AsyncGenerator<Answered> {
  const { model, encoder, options } = run;
  const prompts: PromptToGo[] = [];
  for (const index of ordered(requests, ({ kind }) => kind === 'generate')) {
    const request = requests[index] as GenerateRequest;
    try {
      const { ids, lost } = encoder.prompt(request.context, request.maxNewTokens);
      if (lost > 0) options.onTruncated?.(index, lost);
      checkIds(run, [{ ids }]);
      prompts.push({ ids, index, request });
    } catch (error) {
      yield { index, error };
    }
  }
  if (prompts.length === 0) return;
  const { pool } = run.parts.engine;
  const longest = Math.max(...prompts.map(({ ids, request }) => ids.length + request.maxNewTokens));
  const stepTokens = Math.max(options.stepTokens, options.generateTogether);
  const scheduler = new Scheduler(model, {
    maxSequences: options.generateTogether,
    memory: Math.max(options.stateBytes, pool.bytesFor(longest)),
    ...{ stepTokens, promptTokens: stepTokens },
    ...(options.shares ? {} : { cacheBytes: 0 }),
  });
  const open = new Map<number, Promise<Answered>>();
  try {
    for (const { ids, index, request } of prompts) {
      const text = generateText(scheduler, run.tokenizer, ids, request, options);
      open.set(
        index,
        text.then(
          (text): Answered => ({ index, answer: { kind: 'generate', text } }),
          (error: unknown): Answered => ({ index, error }),
        ),
      );
      if (open.size >= 2 * options.generateTogether) yield await first(open, options.signal);
    }
    while (open.size > 0) yield await first(open, options.signal);
  } finally {
    await scheduler.close();
  }
}

/** The first answer that is there, which is taken out. */
async function first(open: Map<number, Promise<Answered>>, signal: AbortSignal | undefined): Promise<Answered> {
  const found = await Promise.race(open.values());
  signal?.throwIfAborted();
  open.delete(found.index);
  return found;
}
