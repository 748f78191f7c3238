/** /health: is the server loading its models, ready, or draining (it answers what it has begun, and takes nothing new). */
import type { ServedModel } from '../models/served-model.ts';

export type Health = 'loading' | 'ready' | 'draining';

export const healthOf = (models: readonly ServedModel[], draining: boolean): Health => {
  if (draining) return 'draining';
  return models.every(({ ready }) => ready) ? 'ready' : 'loading';
};

export function health(models: readonly ServedModel[], draining: boolean): Response {
  const status = healthOf(models, draining);
  const told = models.map(({ id, ready, loaded }) => ({
    id,
    status: ready ? 'ready' : 'loading',
    loaded: Math.round(loaded * 1000) / 1000,
    ...(ready ? { running: ready.scheduler.stats.running, waiting: ready.scheduler.stats.waiting } : {}),
  }));
  return Response.json({ status, models: told }, { status: status === 'ready' ? 200 : 503 });
}
