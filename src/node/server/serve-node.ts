/** The server in Node: listens, loads models meanwhile, and at the end drains and saves sessions. */
import { createServer } from 'node:http';
import type { Adapter } from '../../adapters/adapter.ts';
import { type Model, partsOf } from '../../api/model.ts';
import { UsageError } from '../../base/errors.ts';
import { openChatTemplate } from '../../loader/chat-template.ts';
import type { OpenedModel } from '../../loader/open.ts';
import { checkOptions, pickOptions } from '../../options/check.ts';
import { SCHEDULER_OPTIONS, type SchedulerOptions } from '../../scheduler/options.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { createHandler, type RequestRecord } from '../../server/handler.ts';
import { LONGEST_MS } from '../../server/http/request-signal.ts';
import type { ServedModel } from '../../server/models/served-model.ts';
import { SERVER_OPTIONS, type ServerOptions } from '../../server/options.ts';
import type { ChatTemplate } from '../../tokenizer/chat-template.ts';
import { closeServer, cutStalled, listening, urlOf } from '../listening-node.ts';
import { openMetrics } from './metrics-node.ts';
import { openSessionFiles } from './session-files-node.ts';

/** A model to serve. */
export interface ModelToServe {
  /** Folder, shipped model or hub id. */
  readonly reference: string;
  /** Its name in requests. */
  readonly id: string;
  readonly aliases?: readonly string[] | undefined;
  /** Adapters, folders or hub ids, by their names in requests. */
  readonly adapters?: Readonly<Record<string, string>> | undefined;
  /** A chat template in Jinja, in place of the model's own. */
  readonly chatTemplate?: string | undefined;
}

export interface ServeOptions extends ServerOptions, SchedulerOptions {
  readonly models: readonly ModelToServe[];
  /** Default 127.0.0.1: only this machine can connect. */
  readonly host?: string | undefined;
  /** 0: one that is free. */
  readonly port?: number | undefined;
  /** A client who takes nothing of its answer for so many seconds is cut off. Default 60. */
  readonly stallSeconds?: number | undefined;
  /** A folder where sessions are kept when the server ends. */
  readonly sessions?: string | undefined;
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** A model is loaded. */
  readonly onModel?: ((id: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How models get here. */
export interface ServeTools {
  /** Throws when there is no such model, or it does not take its adapters. Reads no weights. */
  check(model: ModelToServe, signal: AbortSignal | undefined): Promise<void>;
  /** The folder of an adapter. */
  adapterFolder(reference: string, signal: AbortSignal | undefined): Promise<string>;
  load(model: ModelToServe, onLoaded: (share: number) => void, signal: AbortSignal | undefined): Promise<Model>;
}

export interface RunningServer {
  readonly url: string;
  /** Settles when all models are loaded. Rejects when one cannot be. */
  readonly ready: Promise<void>;
  /** Takes no more requests, waits for those on their way, saves sessions, and frees the models. */
  close(): Promise<void>;
}

const RECEIVE_MS = 60_000; // until a request has arrived as a whole
const HEADERS_MS = 20_000;
/** Clients end idle connections earlier: one that the server ended while a request was on its way would look to the client like a failure. */
const IDLE_MS = 75_000;

export async function serveModels(tools: ServeTools, options: ServeOptions): Promise<RunningServer> {
  const { models, host = '127.0.0.1', port = 8000, stallSeconds = 60, ...further } = options;
  const { sessions, onRequest, onModel, signal, ...others } = further;
  if (!(stallSeconds > 0)) throw new UsageError(`stallSeconds came as ${stallSeconds}, wanted a number above 0.`);
  const limits = pickOptions(others, SERVER_OPTIONS);
  const scheduling = pickOptions(others, SCHEDULER_OPTIONS);
  checkOptions('serve', others, { ...SERVER_OPTIONS, ...SCHEDULER_OPTIONS });
  checkNames(models);
  for (const model of models) await tools.check(model, signal);
  const served = models.map(({ id, aliases = [] }): ServedModel => {
    return { id, aliases, created: Math.floor(Date.now() / 1000), ready: undefined, loaded: 0 };
  });
  const metrics = await openMetrics(served);
  const store =
    sessions === undefined
      ? undefined
      : await openSessionFiles(
          sessions,
          models.map(({ id }) => id),
        );
  const handler = await createHandler(
    { models: served, store, meter: metrics?.meter, metrics: metrics?.text, onRequest },
    limits,
  );
  metrics?.watch(handler.sessions);
  const { getRequestListener } = await import('@hono/node-server'); // so that only servers load it
  const times = {
    requestTimeout: RECEIVE_MS,
    headersTimeout: HEADERS_MS,
    keepAliveTimeout: IDLE_MS,
    connectionsCheckingInterval: 5_000,
  };
  const server = createServer(times, getRequestListener(handler.fetch));
  cutStalled(server, Math.min(LONGEST_MS, stallSeconds * 1000));
  try {
    await listening(server, host, port);
  } catch (error) {
    await store?.close();
    throw error;
  }
  const freed: (() => Promise<void>)[] = [];
  const loading = (async () => {
    for (const [i, toLoad] of models.entries()) {
      const entry = served[i] as ServedModel;
      const model = await tools.load(toLoad, (share) => (entry.loaded = share), signal);
      const adapters = new Map<string, Adapter>();
      freed.push(() => model.dispose());
      for (const [name, reference] of Object.entries(toLoad.adapters ?? {}))
        adapters.set(name, await model.loadAdapter(await tools.adapterFolder(reference, signal)));
      const template = await chosenTemplate(partsOf(model).opened, toLoad.chatTemplate);
      const scheduler = new Scheduler(model, scheduling);
      freed.push(() => scheduler.close());
      entry.ready = { model, scheduler, adapters, template };
      entry.loaded = 1;
      onModel?.(entry.id);
    }
  })();
  return {
    url: urlOf(server),
    ready: loading,
    async close() {
      await handler.drain();
      await loading.catch(() => {});
      await closeServer(server);
      try {
        await handler.sessions.saveAll();
      } finally {
        await store?.close();
        for (const free of freed.reverse()) await free();
      }
    },
  };
}

/** Throws UsageError when the text is no template. */
export async function chosenTemplate(
  opened: OpenedModel,
  source: string | undefined,
): Promise<ChatTemplate | undefined> {
  return source === undefined
    ? undefined
    : openChatTemplate(opened.tokenizerFolder ?? opened.checkpoint.folder, source);
}

/** Throws UsageError when a name stands for two models. */
function checkNames(models: readonly ModelToServe[]): void {
  const names = models.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`two models are called '${twice}': give each a name of its own.`);
}
