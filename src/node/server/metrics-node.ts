/** /metrics in the form of Prometheus, by prom-client, which is installed only where it is wanted. */
import type { Meter } from '../../server/context.ts';
import type { ServedModel } from '../../server/models/served-model.ts';
import type { Sessions } from '../../server/sessions/sessions.ts';

export interface Metrics {
  readonly meter: Meter;
  readonly text: () => Promise<{ readonly type: string; readonly text: string }>;
  watch(sessions: Sessions): void;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Undefined when prom-client is not installed. */
export async function openMetrics(models: readonly ServedModel[]): Promise<Metrics | undefined> {
  const client = await import('prom-client').catch(() => undefined);
  if (!client) return undefined;
  const register = new client.Registry();
  client.collectDefaultMetrics({ register });
  const registers = [register];
  const counter = (name: string, help: string, labelNames: string[] = ['model']) =>
    new client.Counter({ name: `portmanteau_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new client.Histogram({ name: `portmanteau_${name}`, help, labelNames: ['model'], buckets: SECONDS, registers });
  const prompt = counter('prompt_tokens_total', 'Tokens of prompts.');
  const cached = counter('cached_tokens_total', 'Tokens of prompts that had been read before.');
  const generated = counter('generated_tokens_total', 'Tokens of answers.');
  const first = histogram('time_to_first_token_seconds', 'From the request to its first token.');
  const between = histogram('time_between_tokens_seconds', 'From one token of an answer to the next.');
  const gauge = (name: string, help: string, read: (model: ServedModel) => number | undefined) =>
    new client.Gauge({
      name: `portmanteau_${name}`,
      help,
      labelNames: ['model'],
      registers,
      collect() {
        for (const model of models) this.set({ model: model.id }, read(model) ?? 0);
      },
    });
  gauge('requests_running', 'Answers that are computed.', ({ ready }) => ready?.scheduler.stats.running);
  gauge('requests_waiting', 'Answers that wait for their turn.', ({ ready }) => ready?.scheduler.stats.waiting);
  gauge('state_bytes', 'Bytes of all states.', ({ ready }) => ready?.model.stateMemory.usedBytes);
  gauge('model_ready', '1 when the model is loaded.', ({ ready }) => (ready ? 1 : 0));
  return {
    meter: {
      tokens(model, counts) {
        prompt.inc({ model }, counts.prompt);
        cached.inc({ model }, counts.cached);
        generated.inc({ model }, counts.generated);
      },
      firstToken: (model, seconds) => first.observe({ model }, seconds),
      betweenTokens: (model, seconds) => between.observe({ model }, seconds),
    },
    text: async () => ({ type: register.contentType, text: await register.metrics() }),
    watch(sessions) {
      new client.Gauge({
        name: 'portmanteau_sessions',
        help: 'Sessions in memory.',
        registers,
        collect() {
          this.set(sessions.list().length);
        },
      });
    },
  };
}
