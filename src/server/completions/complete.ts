/** /v1/completions: continues prompts, or gives back their log-probabilities. */
import type { Call } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import { eventStream } from '../http/event-stream.ts';
import { modelNamed } from '../models/served-model.ts';
import {
  type AnswerPlan,
  type AnswerStep,
  answerSteps,
  checkCount,
  noteUsage,
  type Usage,
  usageBody,
} from '../requests/answers.ts';
import { checkRequest } from '../requests/check-request.ts';
import { generationOptionsOf } from '../requests/generation.ts';
import { checkAlternatives, checkLogged, checkNewTokens } from '../requests/limits.ts';
import { promptList, type ReadPrompt, readPrompt, textOfIds } from '../requests/prompts.ts';
import { COMPLETION_FORM, type CompletionRequest } from './form.ts';
import { LegacyLogprobs, type LoggedToken } from './legacy-logprobs.ts';

/** A part of an answer. */
interface Part {
  readonly answer: number;
  readonly text: string;
  readonly tokens: readonly LoggedToken[];
  /** Of a new token. */
  readonly logprob?: number | undefined;
  readonly finishReason?: string | undefined;
}

export async function complete(call: Call): Promise<Response> {
  const request: CompletionRequest = checkRequest(call.body, COMPLETION_FORM);
  const { limits, models } = call.context;
  const named = modelNamed(models, request.model);
  checkNewTokens(request.max_tokens, 'max_tokens', limits);
  checkAlternatives(request.logprobs, 'logprobs', limits);
  const each = request.best_of ?? request.n;
  if (each < request.n)
    throw badRequest(`best_of is ${each}, and n is ${request.n}, which is more.`, 'best_of', 'invalid_value');
  if (request.stream && each > request.n)
    throw badRequest('best_of cannot be streamed: the best answers are known at the end.', 'best_of', 'invalid_value');
  const prompts = promptList(request.prompt);
  checkCount(prompts.length, each, request.session, limits);
  const options = generationOptionsOf(named, request, {
    maxNewTokens: request.max_tokens,
    alternatives: request.logprobs ?? 0,
  });
  const { seed, session } = request;
  const read = prompts.map((prompt) => readPrompt(named.model, prompt, limits));
  const echoed = request.echo ? read.reduce((sum, { ids }) => sum + ids.length, 0) : 0;
  const made = request.stream ? 0 : prompts.length * request.max_tokens;
  checkLogged(each * (echoed + made), request.logprobs, 'logprobs');
  const isScored = request.echo && request.logprobs !== undefined;
  const plan: AnswerPlan = { named, prompts: read, each, seed, session, options, isScored };
  Object.assign(call.notes, { model: named.id, prompts });
  const usage: Usage = { promptTokens: 0, cachedTokens: 0, newTokens: 0 };
  const facts = {
    id: `cmpl-${crypto.randomUUID().replaceAll('-', '')}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  const parts = partsOf(request, plan, call, usage);
  if (request.stream) return eventStream(events(request, facts, parts, call, usage), call);
  const choices = await collected(request, plan, parts);
  noteUsage(
    call,
    usage,
    choices.map(({ text }) => text),
  );
  return Response.json({ ...facts, choices, usage: usageBody(usage) });
}

/** The parts of all answers as they come; with `echo` the prompt is the first part of each. */
async function* partsOf(
  { echo, logprobs, max_tokens }: CompletionRequest,
  plan: AnswerPlan,
  call: Call,
  usage: Usage,
): AsyncGenerator<Part, void, undefined> {
  if (echo) {
    const keep = max_tokens > 0; // so that the prompt is read once
    const scores = plan.isScored
      ? await Promise.all(plan.prompts.map((prompt) => scored(prompt, plan, call, keep)))
      : undefined;
    for (const [p, { ids, text = textOfIds(plan.named.model, ids) }] of plan.prompts.entries())
      for (let i = 0; i < plan.each; i++) yield { answer: p * plan.each + i, text, tokens: scores?.[p] ?? [] };
  }
  if (max_tokens === 0 && plan.session === undefined) {
    usage.promptTokens += plan.prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    for (let answer = 0; answer < plan.prompts.length * plan.each; answer++)
      yield { answer, text: '', tokens: [], finishReason: 'length' };
    return;
  }
  for await (const step of answerSteps(plan, call, usage)) yield partOf(step, plan, logprobs !== undefined);
}

function partOf(step: AnswerStep, { named }: AnswerPlan, logged: boolean): Part {
  const { answer, id, text, logprob, alternatives, finishReason } = step;
  const own = id === undefined ? '' : (named.model.tokenizer?.piece(id) ?? '');
  const tokens = logged && id !== undefined ? [{ text: own, logprob: logprob ?? null, alternatives }] : [];
  return { answer, text, tokens, logprob, finishReason };
}

async function scored(
  { ids }: ReadPrompt,
  { named, options }: AnswerPlan,
  { signal }: Call,
  keep: boolean,
): Promise<readonly LoggedToken[]> {
  const { alternatives, interventions, adapter } = options;
  const { tokens } = await named.scheduler.score(ids, { alternatives, interventions, adapter, signal, keep });
  return tokens;
}

/** The complete answers: all, or the n most likely of best_of. */
async function collected(request: CompletionRequest, plan: AnswerPlan, parts: AsyncIterable<Part>) {
  const found = Array.from({ length: plan.prompts.length * plan.each }, () => new Answer());
  for await (const part of parts) (found[part.answer] as Answer).add(part);
  const chosen = plan.prompts.flatMap((_, p) => best(found.slice(p * plan.each, (p + 1) * plan.each), request.n));
  return chosen.map(({ text, tokens, finishReason }, index) => ({
    text,
    index,
    logprobs: request.logprobs === undefined ? null : new LegacyLogprobs(request.logprobs).of(tokens),
    finish_reason: finishReason,
  }));
}

class Answer {
  text = '';
  readonly tokens: LoggedToken[] = [];
  finishReason: string | null = null;
  #sum = 0;
  #count = 0;

  add({ text, tokens, logprob, finishReason }: Part): void {
    this.text += text;
    this.tokens.push(...tokens);
    this.finishReason = finishReason ?? this.finishReason;
    if (logprob === undefined) return;
    this.#sum += logprob;
    this.#count++;
  }

  get meanLogprob(): number {
    return this.#sum / Math.max(1, this.#count);
  }
}

/** By the mean log-probability of the new tokens, as OpenAI's API has it. */
function best(answers: readonly Answer[], n: number): readonly Answer[] {
  if (answers.length === n) return answers;
  return answers.toSorted((a, b) => b.meanLogprob - a.meanLogprob).slice(0, n);
}

async function* events(
  { logprobs, stream_options }: CompletionRequest,
  facts: object,
  parts: AsyncIterable<Part>,
  call: Call,
  usage: Usage,
): AsyncGenerator<unknown, void, undefined> {
  const told = stream_options?.include_usage ? { usage: null } : {};
  const logged = new Map<number, LegacyLogprobs>();
  const texts: string[] = [];
  for await (const { answer, text, tokens, finishReason } of parts) {
    if (text === '' && tokens.length === 0 && finishReason === undefined) continue;
    texts[answer] = (texts[answer] ?? '') + text;
    if (logprobs !== undefined && !logged.has(answer)) logged.set(answer, new LegacyLogprobs(logprobs));
    const own = tokens.length > 0 ? (logged.get(answer)?.of(tokens) ?? null) : null;
    yield { ...facts, choices: [{ text, index: answer, logprobs: own, finish_reason: finishReason ?? null }], ...told };
  }
  noteUsage(call, usage, texts);
  if (stream_options?.include_usage) yield { ...facts, choices: [], usage: usageBody(usage) };
}
