/** A model that the server answers for, and the table of all of them. */
import type { Adapter } from '../../adapters/adapter.ts';
import type { Model } from '../../api/model.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { ChatTemplate } from '../../tokenizer/chat-template.ts';
import { ApiError, badRequest } from '../http/api-error.ts';

/** A model that can answer. */
export interface ReadyModel {
  readonly model: Model;
  readonly scheduler: Scheduler;
  /** By their names. */
  readonly adapters: ReadonlyMap<string, Adapter>;
  /** In place of the model's own. */
  readonly template?: ChatTemplate | undefined;
}

export interface ServedModel {
  readonly id: string;
  readonly aliases: readonly string[];
  /** Seconds since 1970. */
  readonly created: number;
  /** Undefined while it is being loaded. */
  ready: ReadyModel | undefined;
  /** Share of the weights that is loaded, from 0 to 1. */
  loaded: number;
}

export interface NamedModel extends ReadyModel {
  readonly id: string;
}

/** The model that a request names. Throws ApiError: 404 when there is none, 503 while it is being loaded. */
export function modelNamed(models: readonly ServedModel[], name: string): NamedModel {
  const found = models.find(({ id, aliases }) => id === name || aliases.includes(name));
  if (!found) {
    const known = models.map(({ id }) => id).join(', ');
    throw new ApiError(404, `there is no model ${JSON.stringify(name.slice(0, 200))}; this server has ${known}.`, {
      param: 'model',
      code: 'model_not_found',
    });
  }
  if (found.ready) return { ...found.ready, id: found.id };
  throw new ApiError(503, `${found.id} is being loaded; ${Math.floor(100 * found.loaded)}% are done.`, {
    param: 'model',
    code: 'model_loading',
    retryAfterSeconds: 5,
  });
}

/** The adapter of this name. Throws ApiError when none was given at the start. */
export function adapterNamed({ adapters, id }: NamedModel, name: string | undefined): Adapter | undefined {
  if (name === undefined) return undefined;
  const found = adapters.get(name);
  if (found) return found;
  const known = adapters.size > 0 ? `it has ${[...adapters.keys()].join(', ')}` : 'none was given at its start';
  throw badRequest(`${id} has no adapter of this name; ${known}.`, 'adapter', 'adapter_not_found');
}
