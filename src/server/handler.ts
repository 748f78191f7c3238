/** The server as a function from requests to answers, as the Fetch standard has them: it runs wherever that is known. */
import { checkOptions } from '../options/check.ts';
import { holds } from '../options/option.ts';
import { chat } from './chat/chat.ts';
import { complete } from './completions/complete.ts';
import type { Call, Meter, RequestNotes, ServerContext } from './context.ts';
import { captureValues } from './endpoints/capture.ts';
import { embeddings } from './endpoints/embeddings.ts';
import { health } from './endpoints/health.ts';
import { describeModel, listModels } from './endpoints/models.ts';
import { scoreTexts } from './endpoints/score.ts';
import { detokenize, tokenize } from './endpoints/tokens.ts';
import { ApiError, apiErrorOf, badRequest } from './http/api-error.ts';
import { keyCheck } from './http/authorization.ts';
import { Gate } from './http/gate.ts';
import { readJsonBody } from './http/json-body.ts';
import { requestSignal } from './http/request-signal.ts';
import { modelNamed, type ServedModel } from './models/served-model.ts';
import { SERVER_OPTIONS, type ServerOptions } from './options.ts';
import { SESSION_NAME } from './sessions/name.ts';
import { type SessionStore, Sessions } from './sessions/sessions.ts';

/** What is told of each request at its end. */
export interface RequestRecord extends RequestNotes {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly elapsedMs: number;
  /** What went wrong inside of the server. */
  readonly error?: unknown;
}

export interface HandlerParts {
  readonly models: readonly ServedModel[];
  readonly store?: SessionStore | undefined;
  readonly meter?: Meter | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** The content of /metrics and its type. */
  readonly metrics?: (() => Promise<{ readonly type: string; readonly text: string }>) | undefined;
}

export interface Handler {
  fetch(request: Request): Promise<Response>;
  readonly sessions: Sessions;
  /** Refuses new requests, and waits for those that are answered. */
  drain(): Promise<void>;
}

/** Captures that are read or sent at a time. */
const CAPTURES = 2;

type Endpoint = (call: Call) => Promise<Response>;

const POSTS: Readonly<Record<string, Endpoint>> = {
  '/v1/completions': complete,
  '/v1/chat/completions': chat,
  '/v1/tokenize': tokenize,
  '/v1/detokenize': detokenize,
  '/v1/score': scoreTexts,
  '/v1/embeddings': embeddings,
  '/v1/capture': captureValues,
};

/** Throws UsageError on wrong options. */
export async function createHandler(parts: HandlerParts, options: ServerOptions = {}): Promise<Handler> {
  const limits = checkOptions('the server', options, SERVER_OPTIONS);
  const sessions = new Sessions(limits.maxSessions, parts.store);
  const context: ServerContext = {
    models: parts.models,
    limits,
    sessions,
    meter: parts.meter,
    captures: new Gate(CAPTURES),
  };
  const checkKey = limits.apiKey === undefined ? () => {} : keyCheck(limits.apiKey);
  const work = new Work();

  const { Hono } = await import('hono'); // so that only servers load it
  const app = new Hono();
  app.onError((error) => failed(error).response);
  app.notFound(({ req }) => failed(new ApiError(404, `there is no ${req.method} ${req.path.slice(0, 200)}.`)).response);
  if (limits.cors.length > 0) {
    const { cors } = await import('hono/cors');
    app.use(cors({ origin: [...limits.cors], maxAge: 600 }));
  }
  app.get('/health', () => health(parts.models, work.draining));
  app.use('/*', async ({ req }, next) => {
    checkKey(req.raw);
    await next();
  });
  app.get('/v1/models', () => listModels(context));
  app.get('/v1/models/:name{.+}', ({ req }) => describeModel(context, req.param('name')));
  app.get('/v1/sessions', () => Response.json({ object: 'list', data: sessions.list() }));
  app.delete('/v1/sessions/:name', async ({ req }) => {
    const name = req.param('name');
    const of = req.query('model');
    if (of === undefined)
      throw badRequest('there is no model: add ?model=NAME to the address.', 'model', 'missing_required_parameter');
    const model = modelNamed(parts.models, of).id;
    if (!holds(SESSION_NAME, name)) throw badRequest('this is no name of a session.', 'name', 'invalid_value');
    await sessions.remove(model, name);
    return Response.json({ name, model, deleted: true });
  });
  app.get('/metrics', async () => metricsOf(parts));
  for (const [path, endpoint] of Object.entries(POSTS)) {
    app.post(path, ({ req }) => answered(req.raw, path, endpoint));
    app.all(path, () => {
      throw new ApiError(405, `${path} takes POST.`);
    });
  }

  async function answered(request: Request, path: string, endpoint: Endpoint): Promise<Response> {
    const id = crypto.randomUUID();
    const begin = performance.now();
    const notes: RequestNotes = {};
    let error: unknown;
    const { abort, release: releaseSignal } = requestSignal(request.signal, limits.requestSeconds);
    const { signal } = abort;
    const release = work.begin();
    const end = (status: number) => {
      releaseSignal();
      release();
      const elapsedMs = performance.now() - begin;
      parts.onRequest?.({ id, method: request.method, path, status, elapsedMs, ...told(notes), error });
    };
    const told = ({ prompts, answers, ...rest }: RequestNotes) =>
      limits.logPrompts ? { prompts, answers, ...rest } : rest;
    try {
      if (work.draining)
        throw new ApiError(503, 'the server is shutting down.', { code: 'draining', retryAfterSeconds: 5 });
      const body = await readJsonBody(request, limits.maxBodyBytes);
      const onError = (thrown: unknown) => {
        error = thrown;
      };
      const response = await endpoint({ context, body, signal, abort, notes, onError, onEnd: () => end(200) });
      if (isJson(response)) end(response.status);
      response.headers.set('x-request-id', id);
      return response;
    } catch (thrown) {
      const { response, unexpected } = failed(thrown);
      if (unexpected) error = thrown;
      end(response.status);
      abort.abort();
      response.headers.set('x-request-id', id);
      return response;
    }
  }

  return {
    fetch: async (request) => app.fetch(request),
    sessions,
    drain: () => work.drain(),
  };
}

async function metricsOf({ metrics }: HandlerParts): Promise<Response> {
  if (!metrics)
    throw new ApiError(501, 'this server has no metrics: they need prom-client, installed where the server runs.', {
      code: 'not_installed',
    });
  const { type, text } = await metrics();
  return new Response(text, { headers: { 'content-type': type } });
}

/** Other answers are sent piece by piece, and tell by themselves when they end. */
const isJson = ({ headers }: Response): boolean => headers.get('content-type')?.startsWith('application/json') ?? false;

function failed(thrown: unknown): { readonly response: Response; readonly unexpected: boolean } {
  const error = apiErrorOf(thrown);
  const response = Response.json(error.body, { status: error.status, headers: error.headers });
  return { response, unexpected: error.status >= 500 && !(thrown instanceof ApiError) };
}

/** Counts requests on their way, to wait for their end. */
class Work {
  draining = false;
  #running = 0;
  #wake: (() => void) | undefined;

  begin(): () => void {
    this.#running++;
    return () => {
      this.#running--;
      if (this.#running === 0) this.#wake?.();
    };
  }

  async drain(): Promise<void> {
    this.draining = true;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
