/** /v1/chat/completions: the next message of a conversation. */
import { UsageError } from '../../base/errors.ts';
import { templateMessages } from '../../chat/template-messages.ts';
import type { ChatMessage } from '../../tokenizer/chat-template.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Call } from '../context.ts';
import { badRequest } from '../http/api-error.ts';
import { eventStream } from '../http/event-stream.ts';
import { modelNamed, type NamedModel } from '../models/served-model.ts';
import { type AnswerPlan, answerSteps, checkCount, noteUsage, type Usage, usageBody } from '../requests/answers.ts';
import { checkRequest } from '../requests/check-request.ts';
import { generationOptionsOf } from '../requests/generation.ts';
import { checkAlternatives, checkLogged, checkNewTokens } from '../requests/limits.ts';
import { checkLength, mostTokens, type ReadPrompt, readPrompt, TOO_LONG } from '../requests/prompts.ts';
import { ChatAnswer, type ChatPart, toolCallBody } from './chat-answer.ts';
import { CHAT_FORM, type ChatRequest, type Tool } from './form.ts';
import { maskOf, shownTools } from './response-format.ts';

const NEW_TOKENS = 1024;

interface AnswerPart extends ChatPart {
  readonly answer: number;
}

export async function chat(call: Call): Promise<Response> {
  const request: ChatRequest = checkRequest(call.body, CHAT_FORM);
  const { limits, models } = call.context;
  const named = modelNamed(models, request.model);
  checkCount(1, request.n, request.session, limits);
  const prompt = await promptFrom(named, request, call);
  const maxNewTokens = newTokensOf(request, call);
  checkAlternatives(request.top_logprobs, 'top_logprobs', limits);
  if (request.top_logprobs !== undefined && !request.logprobs)
    throw badRequest('top_logprobs needs logprobs: true.', 'top_logprobs', 'invalid_value');
  if (request.logprobs && !request.stream) checkLogged(request.n * maxNewTokens, request.top_logprobs ?? 0, 'logprobs');
  const options = generationOptionsOf(named, request, { maxNewTokens, alternatives: request.top_logprobs ?? 0 });
  const mask = await maskOf(named.model.tokenizer, request);
  const { n: each, seed, session } = request;
  const plan: AnswerPlan = {
    named,
    prompts: [prompt],
    each,
    seed,
    session,
    options: mask ? { ...options, mask } : options,
  };
  Object.assign(call.notes, { model: named.id, prompts: [request.messages] });
  const usage: Usage = { promptTokens: 0, cachedTokens: 0, newTokens: 0 };
  const facts = {
    id: `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  const parts = partsOf(request, plan, call, usage);
  if (request.stream)
    return eventStream(events(request, { ...facts, object: 'chat.completion.chunk' }, parts, call, usage), call);
  const choices = await collected(request, parts);
  noteUsage(
    call,
    usage,
    choices.map(({ message }) => message.content ?? ''),
  );
  return Response.json({ ...facts, object: 'chat.completion', choices, usage: usageBody(usage) });
}

function newTokensOf({ max_completion_tokens, max_tokens }: ChatRequest, { context: { limits } }: Call): number {
  const given = max_completion_tokens ?? max_tokens;
  if (given === undefined) return Math.min(NEW_TOKENS, limits.maxNewTokens);
  checkNewTokens(given, max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens', limits);
  return given;
}

/** Throws ApiError when the model has no chat template, or its template refuses the messages. */
async function promptFrom(
  { model, template }: NamedModel,
  request: ChatRequest,
  { context }: Call,
): Promise<ReadPrompt> {
  const { messages, chat_template_kwargs: variables } = request;
  const tools = shownTools(request);
  const most = mostTokens(model, context.limits);
  if (messages.length > most)
    throw badRequest(
      `there are ${messages.length} messages, and ${most} tokens are the most here.`,
      'messages',
      TOO_LONG,
    );
  try {
    const written = templateMessages(messages);
    checkLength(model, charactersOf(written, tools), context.limits, 'messages');
    const { text, ids } = await model.applyChatTemplate({
      messages: written,
      addGenerationPrompt: true,
      ...(tools.length > 0 ? { tools } : {}),
      ...(variables ? { variables } : {}),
      ...(template ? { template } : {}),
    });
    return { ...readPrompt(model, ids, context.limits, 'messages'), text };
  } catch (error) {
    if (error instanceof UsageError) throw badRequest(error.message, 'messages', 'invalid_value');
    throw error;
  }
}

/** Of what the template writes, at least where it writes all of it. */
const charactersOf = (messages: readonly ChatMessage[], tools: readonly Tool[]): number =>
  messages.reduce((sum, { role, content }) => sum + role.length + String(content ?? '').length, 0) +
  (tools.length > 0 ? JSON.stringify(tools).length : 0);

async function* partsOf(
  request: ChatRequest,
  plan: AnswerPlan,
  call: Call,
  usage: Usage,
): AsyncGenerator<AnswerPart, void, undefined> {
  const { n, logprobs, parallel_tool_calls: severalCalls } = request;
  const tools = shownTools(request).length > 0;
  const tokenizer = plan.named.model.tokenizer as Tokenizer; // a template was applied
  const answers = Array.from({ length: n }, () => new ChatAnswer(tokenizer, { tools, severalCalls, logprobs }));
  for await (const step of answerSteps(plan, call, usage))
    yield { ...(answers[step.answer] as ChatAnswer).add(step), answer: step.answer };
}

async function collected({ n, logprobs }: ChatRequest, parts: AsyncIterable<AnswerPart>) {
  const found = Array.from({ length: n }, () => [] as AnswerPart[]);
  for await (const part of parts) found[part.answer]?.push(part);
  return found.map((list, index) => {
    const content = list.map((part) => part.content).join('');
    const toolCalls = list.flatMap((part) => part.toolCalls).map(toolCallBody);
    return {
      index,
      message: {
        role: 'assistant',
        content: content === '' && toolCalls.length > 0 ? null : content,
        refusal: null,
        ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
      },
      logprobs: logprobs ? { content: list.flatMap((part) => part.logprobs), refusal: null } : null,
      finish_reason: list.at(-1)?.finishReason ?? null,
    };
  });
}

async function* events(
  { n, logprobs, stream_options }: ChatRequest,
  facts: object,
  parts: AsyncIterable<AnswerPart>,
  call: Call,
  usage: Usage,
): AsyncGenerator<unknown, void, undefined> {
  const told = stream_options?.include_usage ? { usage: null } : {};
  const texts: string[] = [];
  const chunk = (index: number, delta: object, finish: string | null = null, logged: unknown = null) => ({
    ...facts,
    choices: [{ index, delta, logprobs: logged, finish_reason: finish }],
    ...told,
  });
  const begun = new Set<number>();
  for await (const { answer, content, toolCalls, logprobs: own, finishReason } of parts) {
    if (!begun.has(answer)) yield chunk(answer, { role: 'assistant', content: '', refusal: null });
    begun.add(answer);
    texts[answer] = (texts[answer] ?? '') + content;
    const logged = logprobs ? { content: own, refusal: null } : null;
    if (content !== '' || own.length > 0) yield chunk(answer, { content }, null, logged);
    for (const [index, one] of toolCalls.entries())
      yield chunk(answer, { tool_calls: [{ index, ...toolCallBody(one) }] });
    if (finishReason !== undefined) yield chunk(answer, {}, finishReason);
  }
  noteUsage(call, usage, texts.slice(0, n));
  if (stream_options?.include_usage) yield { ...facts, choices: [], usage: usageBody(usage) };
}
