/**
 * lm-evaluation-harness as a client: its recorded requests (tools/reference/make_transcript.py), read as it reads answers, give the scores of the
 * library's own evaluation.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { PairEncoder } from '../../src/evaluation/answer/pairs.ts';
import { requestsOf } from '../../src/evaluation/prepared.ts';
import type { EvaluationAnswer, EvaluationRequest } from '../../src/evaluation/requests.ts';
import { answerRequests, evaluate, type Model, prepareEvaluation } from '../../src/node.ts';
import { createHandler } from '../../src/server/handler.ts';
import { chatModel } from './chat-model.ts';
import { entryOf, modelOf } from './served.ts';

interface Body {
  readonly prompt?: string | readonly (string | readonly number[])[];
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly echo?: boolean;
}

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly message?: { readonly content: string };
  readonly logprobs?: {
    readonly token_logprobs: readonly (number | null)[];
    readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  } | null;
}

interface Sample {
  readonly arguments: readonly (readonly unknown[])[];
  readonly resps: readonly (readonly unknown[])[];
}

interface Run {
  readonly command: string;
  readonly requests: readonly {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly status: number;
    readonly body?: Body;
  }[];
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

const fileAt = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const INCLUDED = fileAt('../fixtures/evaluation/tasks');
const transcript = JSON.parse(readFileSync(fileAt('../golden/evaluation/transcript.json'), 'utf8')) as {
  readonly model: string;
  readonly runs: Readonly<Record<string, Run>>;
};

const { folder, remove } = chatModel(transcript.model);
afterAll(remove);

/** Sends everything again, at once. The answers to prompts, by prompt; scores and texts apart. */
async function sentAgain({ requests }: Run): Promise<{ scored: Map<string, Choice>; written: Map<string, Choice> }> {
  const handler = await createHandler({ models: [entryOf(transcript.model, await modelOf(folder))] });
  const found = { scored: new Map<string, Choice>(), written: new Map<string, Choice>() };
  const send = async ({ method, path, headers, status, body }: Run['requests'][number]) => {
    const init: RequestInit = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await handler.fetch(new Request(`http://server${path}`, init));
    expect(response.status, path).toBe(status);
    if (!body || status !== 200) return;
    const { choices } = (await response.json()) as { readonly choices: readonly Choice[] };
    const prompts = body.messages ? [body.messages] : typeof body.prompt === 'string' ? [body.prompt] : body.prompt;
    expect(choices).toHaveLength(prompts?.length ?? 0);
    for (const choice of choices)
      found[body.echo ? 'scored' : 'written'].set(JSON.stringify(prompts?.[choice.index]), choice);
  };
  await Promise.all(requests.map(send));
  return found;
}

/** As LocalCompletionsAPI.parse_logprobs: the last token is one that had to be generated. */
function parsed({ logprobs }: Choice, first: number): { logProbability: number; isGreedy: boolean } {
  const own = logprobs?.token_logprobs.slice(first, -1) ?? [];
  const top = logprobs?.top_logprobs.slice(first, -1) ?? [];
  return {
    logProbability: own.reduce((sum: number, one) => sum + (one as number), 0),
    isGreedy: own.every((one, i) => one === Math.max(...Object.values(top[i] ?? {}))),
  };
}

/** What the library's evaluation asks for the arguments of a request of the harness. */
function requestOf([first, second]: readonly unknown[]): EvaluationRequest {
  if (second === undefined) return { kind: 'rolling', text: String(first) };
  if (typeof second === 'string') return { kind: 'loglikelihood', context: String(first), continuation: second };
  const { until, max_gen_toks } = second as { readonly until: readonly string[]; readonly max_gen_toks: number };
  return { kind: 'generate', context: String(first), until, maxNewTokens: max_gen_toks, sampling: {} };
}

async function answersOf(model: Model, requests: readonly EvaluationRequest[]): Promise<EvaluationAnswer[]> {
  const answers: EvaluationAnswer[] = [];
  for await (const one of answerRequests(model, requests)) {
    if ('error' in one) throw one.error;
    answers[one.index] = one.answer;
  }
  return answers;
}

/** Numbers of the harness were computed on another machine. */
function expectNear(own: number, recorded: unknown): void {
  expect(Math.abs(own - Number(recorded))).toBeLessThan(1e-4 + 1e-5 * Math.abs(own));
}

const runs = Object.entries(transcript.runs);

describe.each(runs.filter(([, { command }]) => command.includes('local-completions')))('%s', async (_, run) => {
  const model = await modelOf(folder);
  const { scored, written } = await sentAgain(run);
  const encoder = new PairEncoder(model.tokenizer as NonNullable<Model['tokenizer']>, 512);
  const ofTexts = run.command.includes('tokenized_requests=False');
  const promptOf = (ids: readonly number[], text: string): string => JSON.stringify(ofTexts ? text : ids);

  test.each(Object.entries(run.samples))('%s has the answers of the library', async (task, samples) => {
    const pairs = samples.flatMap((sample) =>
      sample.arguments.map((one, i) => ({ request: requestOf(one), recorded: sample.resps[i]?.[0] })),
    );
    const prepared = await prepareEvaluation({ tasks: [task], includePath: INCLUDED });
    const asked = new Set(requestsOf(prepared.tasks).requests.map((request) => JSON.stringify(textsOf(request))));
    const answers = await answersOf(
      model,
      pairs.map(({ request }) => request),
    );
    for (const [i, { request, recorded }] of pairs.entries()) {
      const answer = answers[i] as EvaluationAnswer;
      expect(asked.has(JSON.stringify(textsOf(request))), JSON.stringify(request)).toBe(true);
      if (request.kind === 'generate') {
        const { ids } = encoder.prompt(request.context, request.maxNewTokens);
        const text = written.get(promptOf(ids, request.context))?.text;
        expect({ kind: 'generate', text }).toEqual(answer);
        expect(text).toBe(recorded);
      } else if (request.kind === 'loglikelihood') {
        const { ids, first } = encoder.pair(request.context, request.continuation);
        const choice = scored.get(promptOf(ids, request.context + request.continuation)) as Choice;
        const own = parsed(choice, first);
        expect({ kind: 'loglikelihood', ...own }).toEqual(answer);
        const [logProbability, isGreedy] = recorded as [string, 'True' | 'False']; // as Python writes them
        expectNear(own.logProbability, logProbability);
        expect(own.isGreedy ? 'True' : 'False').toBe(isGreedy);
      } else if (request.kind === 'rolling') {
        const windows = encoder.windows(request.text);
        const sums = windows.map(({ ids, first }) => parsed(scored.get(promptOf(ids, '')) as Choice, first));
        const sum = sums.reduce((total, { logProbability }) => total + logProbability, 0);
        expect(answer).toMatchObject({ kind: 'rolling', logProbability: sum });
        expectNear(sum, Array.isArray(recorded) ? recorded[0] : recorded);
      }
    }
  });

  test('the results of the harness are those of the library', async () => {
    const { results } = await evaluate(model, { tasks: Object.keys(run.samples), includePath: INCLUDED });
    for (const task of Object.keys(run.samples))
      for (const [metric, value] of Object.entries(run.results[task] ?? {}))
        if (typeof value === 'number' && metric.includes(',') && !metric.includes('stderr'))
          expectNear(results.results[task]?.[metric] as number, value);
  });
});

/** What tells a request from others. */
function textsOf(request: EvaluationRequest): readonly string[] {
  if (request.kind === 'loglikelihood') return [request.context, request.continuation];
  if (request.kind === 'rolling') return [request.text];
  return request.kind === 'generate' ? [request.context] : [];
}

describe.each(runs.filter(([, { command }]) => command.includes('local-chat-completions')))('%s', async (_, run) => {
  test('answers are those of the model alone', async () => {
    const model = await modelOf(folder);
    const { written } = await sentAgain(run);
    const samples = Object.values(run.samples).flat();
    expect(samples.length).toBeGreaterThan(0);
    for (const { arguments: given, resps } of samples) {
      const [[messages], { until, max_gen_toks }] = given[0] as [[string], { until: string[]; max_gen_toks: number }];
      const chat = JSON.parse(messages);
      const alone = await model.complete(
        { messages: chat },
        { maxNewTokens: max_gen_toks, temperature: 0, stop: until },
      );
      const text = written.get(JSON.stringify(chat))?.message?.content;
      expect(text).toBe(alone.text);
      expect(text).toBe(resps[0]?.[0]);
    }
  });
});
