/** /v1/models: the models that can be asked, and their other names. */
import type { ServerContext } from '../context.ts';
import { ApiError } from '../http/api-error.ts';
import type { ServedModel } from '../models/served-model.ts';

const entry = (id: string, { id: root, created, ready }: ServedModel) => ({
  id,
  object: 'model',
  created,
  owned_by: 'portmanteau',
  root,
  ready: ready !== undefined,
  ...(ready ? { max_model_len: ready.model.facts.contextLength ?? null, adapters: [...ready.adapters.keys()] } : {}),
});

const entries = ({ models }: ServerContext) =>
  models.flatMap((model) => [model.id, ...model.aliases].map((name) => entry(name, model)));

export const listModels = (context: ServerContext): Response =>
  Response.json({ object: 'list', data: entries(context) });

export function describeModel(context: ServerContext, name: string): Response {
  const found = entries(context).find(({ id }) => id === name);
  if (found) return Response.json(found);
  throw new ApiError(404, `there is no model ${JSON.stringify(name.slice(0, 200))}.`, {
    param: 'model',
    code: 'model_not_found',
  });
}
