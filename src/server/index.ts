/** The entry `portmanteau/server`: the server as a fetch handler, for those who listen by other means than `serve` of the main entry. */
import type { Adapter } from '../adapters/adapter.ts';
import type { Model } from '../api/model.ts';
import { checkOptions, pickOptions } from '../options/check.ts';
import { SCHEDULER_OPTIONS, type SchedulerOptions } from '../scheduler/options.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import type { ChatTemplate } from '../tokenizer/chat-template.ts';
import type { ServedModel } from './models/served-model.ts';

export type { Meter } from './context.ts';
export { createHandler, type Handler, type HandlerParts, type RequestRecord } from './handler.ts';
export type { ReadyModel, ServedModel } from './models/served-model.ts';
export { SERVER_OPTIONS, type ServerOptions } from './options.ts';
export type { SessionStore } from './sessions/sessions.ts';

export interface ServedModelOptions extends SchedulerOptions {
  /** Other names in requests. */
  readonly aliases?: readonly string[] | undefined;
  /** Adapters of the model, as `loadAdapter` gives, by their names in requests. */
  readonly adapters?: Readonly<Record<string, Adapter>> | undefined;
  /** A chat template in place of the model's own, as `createChatTemplate` gives. */
  readonly template?: ChatTemplate | undefined;
}

/**
 * A model under a name, with a scheduler of its own, for the `models` of createHandler. The model stays the caller's, who disposes of it after
 * `ready.scheduler.close()`. Throws UsageError on wrong options.
 */
export function servedModel(id: string, model: Model, options: ServedModelOptions = {}): ServedModel {
  const { aliases = [], adapters = {}, template, ...scheduling } = options;
  checkOptions('a served model', scheduling, SCHEDULER_OPTIONS);
  return {
    ...{ id, aliases, created: Math.floor(Date.now() / 1000), loaded: 1 },
    ready: {
      ...{ model, template, adapters: new Map(Object.entries(adapters)) },
      scheduler: new Scheduler(model, pickOptions(scheduling, SCHEDULER_OPTIONS)),
    },
  };
}
