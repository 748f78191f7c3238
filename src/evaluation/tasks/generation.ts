/** How a task generates: `generation_kwargs`, with the names of transformers. */
import { quote, UsageError } from '../../base/errors.ts';
import type { SamplingOptions } from '../../sampler/sampler.ts';
import type { TaskConfig } from './task-config.ts';

export interface GenerationSettings {
  readonly until: readonly string[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
}

/** New tokens where a task does not say how many. */
const USUAL_MAX_TOKENS = 256;

/** In order of precedence. */
const MAX_TOKENS = ['max_gen_toks', 'max_new_tokens', 'max_tokens', 'max_completion_tokens'];

const SAMPLING: Readonly<Record<string, keyof SamplingOptions>> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
};

/** `generation_kwargs` with what the harness adds. */
export function generationConfigOf(config: TaskConfig): Readonly<Record<string, unknown>> {
  const delimiter = config.fewshot_delimiter ?? '\n\n';
  const given = config.generation_kwargs;
  if (!given) return { temperature: 0, do_sample: false, max_gen_toks: USUAL_MAX_TOKENS, until: [delimiter] };
  return 'until' in given ? given : { ...given, until: [delimiter] };
}

/** Throws UsageError on keys that are not known. */
export function generationOf(config: TaskConfig, name: string): GenerationSettings {
  const given = generationConfigOf(config);
  const where = `generation_kwargs of the task ${name}`;
  const { until, do_sample: samples, ...rest } = given;
  const stops = Array.isArray(until) ? until : [until];
  const noText = stops.find((stop) => typeof stop !== 'string');
  if (noText !== undefined) throw new UsageError(`${where}: 'until' has ${quote(noText)}, wanted texts.`);
  const sampling: Record<string, unknown> = {};
  let max: number | undefined;
  for (const [key, value] of Object.entries(rest)) {
    const here = Object.hasOwn(SAMPLING, key) ? SAMPLING[key] : undefined;
    if (!here && !MAX_TOKENS.includes(key))
      throw new UsageError(
        `${where} has the key '${key}', which is not supported: wanted until, do_sample, ${[...Object.keys(SAMPLING), ...MAX_TOKENS].join(', ')}.`,
      );
    if (typeof value !== 'number' || value < 0)
      throw new UsageError(`${where}: '${key}' came as ${quote(value)}, wanted a number from 0 on.`);
    if (here) sampling[here] = value;
  }
  for (const key of MAX_TOKENS) if (max === undefined && typeof rest[key] === 'number') max = rest[key];
  const isGreedy = samples === undefined ? !(Number(sampling.temperature ?? 0) > 0) : samples === false;
  return {
    until: stops as string[],
    maxNewTokens: Math.trunc(max ?? USUAL_MAX_TOKENS),
    sampling: isGreedy ? { temperature: 0 } : { temperature: 1, ...sampling },
  };
}
