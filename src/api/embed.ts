/** Vectors of texts, made of the values of a site. */
import { quote, UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, oneOf, option } from '../options/option.ts';
import { anAdapter } from './adapter-option.ts';
import type { CaptureOptions } from './capture.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import type { Model } from './model.ts';
import type { Prompt } from './prompt.ts';

/** What a vector is made of. */
export const VECTOR_OPTIONS = {
  /** A site whose values are [T, M]. Default: `hidden`, the input of the head. */
  site: option(kinds.text, 'a site whose values are [T, M]; default: the input of the head', 'hidden'),
  /** `mean`: of the values at all tokens; `last`: the values at the last. */
  pooling: option(oneOf(['mean', 'last']), 'the mean over all tokens, or the values at the last', 'mean'),
  /** Divides by the length of the vector. */
  normalize: option(kinds.flag, 'divide by the length of the vector', true),
};

export const EMBED_OPTIONS = {
  ...VECTOR_OPTIONS,
  /** Interventions on the model's values. */
  interventions: INTERVENTIONS,
  /** An adapter of this model, as `loadAdapter` gives. */
  adapter: anAdapter,
  signal: kinds.signal,
};

export interface EmbedOptions extends OptionsOf<typeof EMBED_OPTIONS> {}

/**
 * The vector [M] of a text. Throws UsageError on sites that the model does not have, or whose values are not [T, M]. `from`: what captures values;
 * default: the model.
 */
export async function embed(
  model: Model,
  prompt: Prompt,
  options: EmbedOptions = {},
  from: { capture(prompt: Prompt, options: CaptureOptions): ReturnType<Model['capture']> } = model,
): Promise<Float32Array> {
  const { site, pooling, normalize, ...rest } = checkOptions('embed', options, EMBED_OPTIONS);
  rest.signal?.throwIfAborted();
  if (!model.sites.some(({ name }) => name === site))
    throw new UsageError(
      `the model has no site ${quote(site.slice(0, 100))}; its \`sites\` and 'portmanteau info' list them.`,
    );
  const ids = model.encode(prompt);
  const captured = (await from.capture(ids, { ...rest, sites: [site] })).get(site);
  if (captured?.shape.length !== 2 || captured.shape[0] !== ids.length || !(captured.data instanceof Float32Array))
    throw new UsageError(`the values of ${site} are not [T, M].`);
  const vector = pooled(captured.data, captured.shape[1] as number, pooling);
  if (normalize) divideByLength(vector);
  return vector;
}

/** x[T, M] -> [M]. */
function pooled(x: Float32Array, width: number, by: 'mean' | 'last'): Float32Array {
  if (by === 'last') return x.slice(-width);
  const sums = new Float64Array(width);
  for (let i = 0; i < x.length; i++) sums[i % width] = (sums[i % width] as number) + (x[i] as number);
  return Float32Array.from(sums, (sum) => (sum * width) / x.length);
}

function divideByLength(vector: Float32Array): void {
  let squares = 0;
  for (const one of vector) squares += one * one;
  const length = Math.sqrt(squares);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
}
