/** Answers of a model to one request, each of them several times where `n` says so. */
import type { GenerationOptions, GenerationStep } from '../../api/generation-options.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { bothTraces } from '../../interventions/provenance.ts';
import { sequenceOf } from '../../interventions/sequence.ts';
import type { Call, Limits } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import type { NamedModel } from '../models/served-model.ts';
import { failureUnder } from './changes.ts';
import { seedOf } from './generation.ts';
import type { ReadPrompt } from './prompts.ts';
import { merged } from './several.ts';

export interface AnswerPlan {
  readonly named: NamedModel;
  readonly prompts: readonly ReadPrompt[];
  /** Answers for each prompt. */
  readonly each: number;
  readonly seed: number | undefined;
  readonly session: string | undefined;
  /** This request has read the prompts already, to score them. */
  readonly isScored?: boolean;
  /** Of generation, without signal and seed. */
  readonly options: GenerationOptions & { readonly interventions?: Interventions | undefined };
}

/** Log-probabilities and texts that are computed ahead of the client; then a sequence pauses. */
const MAX_AHEAD = 2048;

/** A step of the answer with this number: prompt by prompt, `each` of them in a row. */
export interface AnswerStep extends GenerationStep {
  readonly answer: number;
}

export interface Usage {
  promptTokens: number;
  cachedTokens: number;
  newTokens: number;
}

/** Throws ApiError when more answers are asked for than the server allows, or a session does not go with the rest. */
export function checkCount(prompts: number, each: number, session: string | undefined, { maxChoices }: Limits): void {
  if (prompts * each > maxChoices)
    throw badRequest(
      `the request asks for ${prompts * each} answers (prompts times n or best_of), and ${maxChoices} are the most.`,
      each > 1 ? 'n' : 'prompt',
      'too_many_choices',
    );
  if (session !== undefined && prompts * each > 1)
    throw badRequest('a session takes one prompt and one answer.', 'session', 'invalid_value');
}

/** All steps of all answers, as they come. `usage` is added to. */
export function answerSteps(plan: AnswerPlan, call: Call, usage: Usage): AsyncGenerator<AnswerStep, void, undefined> {
  const { prompts, each } = plan;
  const makers = prompts.flatMap((prompt, p) =>
    Array.from({ length: each }, (_, i) => () => oneAnswer(plan, call, usage, { prompt, answer: p * each + i })),
  );
  usage.promptTokens += prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  return merged(makers, call.context.limits.requestParallel, call.abort);
}

interface One {
  readonly prompt: ReadPrompt;
  readonly answer: number;
}

async function* oneAnswer(
  plan: AnswerPlan,
  { context, signal }: Call,
  usage: Usage,
  { prompt, answer }: One,
): AsyncGenerator<AnswerStep, void, undefined> {
  const { named, seed, options, each } = plan;
  const use = plan.session === undefined ? undefined : await context.sessions.use(named, plan.session);
  const clock = meter(plan, context);
  try {
    const input = use ? await use.begin(prompt, tracesOf(plan, prompt)) : { ids: prompt.ids };
    const read = use ? prompt.ids.length - input.ids.length : 0;
    let cached = Math.max(0, read);
    const state = 'state' in input ? { state: input.state } : {};
    const maxUnread = Math.ceil(MAX_AHEAD / (1 + (options.alternatives ?? 0)));
    const own = { ...options, ...seedOf(seed, answer % each), ...state, signal, maxUnread };
    for await (const step of named.scheduler.generate(input.ids, own)) {
      if (step.id !== undefined) {
        usage.newTokens++;
        clock.token();
      }
      if (!plan.isScored) cached = step.cachedTokens ?? cached;
      if (step.finishReason !== undefined) use?.keep();
      yield { ...step, answer };
    }
    usage.cachedTokens += answer % each === 0 ? cached : 0;
    clock.end(prompt.ids.length, cached);
  } catch (error) {
    throw failureUnder(options.interventions, error);
  } finally {
    use?.end();
  }
}

function tracesOf({ options: { interventions, adapter } }: AnswerPlan, { ids }: ReadPrompt) {
  const under = interventions && sequenceOf(interventions, { promptLength: ids.length });
  return bothTraces(adapter, under);
}

/** Times of tokens, for /metrics. */
function meter({ named: { id } }: AnswerPlan, { meter }: Call['context']) {
  let last = performance.now();
  let tokens = 0;
  return {
    token() {
      const now = performance.now();
      if (tokens++ === 0) meter?.firstToken(id, (now - last) / 1000);
      else meter?.betweenTokens(id, (now - last) / 1000);
      last = now;
    },
    end: (prompt: number, cached: number) => meter?.tokens(id, { prompt, cached, generated: tokens }),
  };
}

/** In the form of OpenAI's API. */
export const usageBody = ({ promptTokens, cachedTokens, newTokens }: Usage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: newTokens,
  total_tokens: promptTokens + newTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});

export function noteUsage({ notes }: Call, usage: Usage, answers: readonly string[]): void {
  Object.assign(notes, { ...usage, answers });
}
