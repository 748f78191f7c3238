/** A server in this process, without a port: the handler, and clients that call it. */
import OpenAI from 'openai';
import { fromPretrained, type Model } from '../../src/node.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { createHandler, type Handler, type HandlerParts } from '../../src/server/handler.ts';
import type { ServedModel } from '../../src/server/models/served-model.ts';
import type { ServerOptions } from '../../src/server/options.ts';

const loaded = new Map<string, Promise<Model>>();

/** Loaded once for all tests of a file, and freed with the process. */
export function modelOf(name: string): Promise<Model> {
  const found = loaded.get(name) ?? fromPretrained(name, { threads: 1 });
  loaded.set(name, found);
  return found;
}

export function entryOf(id: string, model: Model, more: Partial<ServedModel['ready'] & object> = {}): ServedModel {
  const ready = { model, scheduler: new Scheduler(model), adapters: new Map(), ...more };
  return { id, aliases: ['other-name'], created: 1, ready, loaded: 1 };
}

export interface Served {
  readonly handler: Handler;
  readonly client: OpenAI;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is looked at by the tests
  readonly json: any;
}

export async function served(
  name = 'granite-tiny',
  options: ServerOptions = {},
  parts: Partial<HandlerParts> = {},
): Promise<Served> {
  const models = [entryOf(name, await modelOf(name))];
  return servedBy(await createHandler({ models, ...parts }, options), options.apiKey);
}

export function servedBy(handler: Handler, apiKey = 'none'): Served {
  const fetched = (url: string | URL | Request, init?: RequestInit) => handler.fetch(new Request(url, init));
  const client = new OpenAI({ apiKey, baseURL: 'http://server/v1', fetch: fetched, maxRetries: 0 });
  return {
    handler,
    client,
    async post(path, body, headers = {}) {
      const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
      const response = await handler.fetch(
        new Request(`http://server${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: content as string,
        }),
      );
      return { status: response.status, headers: response.headers, json: await response.json() };
    },
  };
}
