/** Checks options when they are passed, before anything is loaded or computed. */
import { quote, UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { type Definitions, type FilledOptions, holds, wantedOf } from './option.ts';

/** Names of options in other libraries -> their names here. */
const CALLED_HERE: Readonly<Record<string, string>> = {
  dtype: 'weights',
  torch_dtype: 'weights',
  quantization: 'weights',
  format: 'weights',
  num_threads: 'threads',
  max_tokens: 'maxNewTokens',
  maxTokens: 'maxNewTokens',
  n_predict: 'maxNewTokens',
  do_sample: 'temperature',
  doSample: 'temperature',
  stop_strings: 'stop',
  stopStrings: 'stop',
  eos_token_id: 'stopIds',
  logprobs: 'alternatives',
  top_logprobs: 'alternatives',
  top: 'alternatives',
  abortSignal: 'signal',
};

/**
 * Returns the options with defaults filled in. Throws UsageError on an unknown option, with the names of all, and on a wrong value. An
 * option that is undefined counts as absent; `options` may be undefined too.
 */
export function checkOptions<D extends Definitions>(who: string, options: unknown, definitions: D): FilledOptions<D> {
  if (options !== undefined && (typeof options !== 'object' || options === null || Array.isArray(options)))
    throw new UsageError(`the options of ${who} came as ${quote(options)}, wanted an object.`);
  const given = Object.entries(options ?? {}).filter(([name, value]) => {
    const type = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (!type) throw new UsageError(unknownOption(who, name, Object.keys(definitions)));
    if (value !== undefined && !holds(type, value))
      throw new UsageError(`${name} came as ${quote(value)}, wanted ${wantedOf(type)}.`);
    return value !== undefined;
  });
  return { ...defaultsOf(definitions), ...Object.fromEntries(given) } as FilledOptions<D>;
}

function defaultsOf(definitions: Definitions): object {
  return Object.fromEntries(
    Object.entries(definitions).flatMap(([name, type]) => ('default' in type ? [[name, type.default]] : [])),
  );
}

function unknownOption(who: string, name: string, known: readonly string[]): string {
  const here = Object.hasOwn(CALLED_HERE, name) ? CALLED_HERE[name] : undefined;
  const meant = here !== undefined && known.includes(here) ? here : nearest(name, known);
  const hint =
    meant === undefined ? '' : here === meant ? `; here it is called '${meant}'` : `; did you mean '${meant}'?`;
  return `${who} has no option '${name}'${hint}${hint.endsWith('?') ? '' : '.'} Its options are ${known.join(', ')}.`;
}

/** The options that are among these definitions, without all others. */
export function pickOptions<K extends string, O extends { readonly [name in K]?: unknown }>(
  options: O,
  definitions: Readonly<Record<K, unknown>>,
): Pick<O, K> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(definitions, name))) as Pick<O, K>;
}

/** Without entries that are undefined, which would replace others where options are put together. */
export const present = <O extends object>(options: O | undefined): O =>
  Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as O;
