/** Values from inside of a model while it reads a text. */
import { UsageError } from '../base/errors.ts';
import type { TypedArray } from '../base/tensor.ts';
import { Capture, type CapturedTensor, matchSites } from '../inspect/capture.ts';
import { compile, replacing } from '../interventions/compile.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { holds, jsonObject, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { anAdapter } from './adapter-option.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import type { ModelParts } from './model-parts.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodeFor, type Prompt } from './prompt.ts';
import { aState } from './state-option.ts';

const siteNames = ownKind<readonly string[]>("a list of site names, as in ['blocks.*.pattern']", (value) =>
  holds(kinds.texts, value),
);

const CAPTURE_OPTIONS = {
  ...ENCODE_OPTIONS,
  sites: siteNames,
  /**
   * The first token whose values are captured. Earlier ones are read, but their values are not captured and take no memory. The values are
   * the same to the bit.
   */
  from: option(kinds.fromZero, 'the first token whose values are wanted', 0),
  /** Numbers that replace the value of a site, of the same count. */
  replace: jsonObject<Readonly<Record<string, TypedArray>>>(),
  interventions: INTERVENTIONS,
  /** An adapter of this model, as `loadAdapter` gives. */
  adapter: anAdapter,
  state: aState,
  signal: kinds.signal,
};

export interface CaptureOptions extends EncodePromptOptions, OptionsOf<typeof CAPTURE_OPTIONS> {
  /** Site names, `*` for any part. */
  readonly sites: readonly string[];
}

export async function capture(
  { opened, engine }: ModelParts,
  prompt: Prompt,
  options: CaptureOptions,
): Promise<Map<string, CapturedTensor>> {
  const all = engine.model.sites;
  const { from } = checkOptions('capture', options, CAPTURE_OPTIONS);
  if (!options?.sites) throw new UsageError("capture needs the names of sites, as in { sites: ['blocks.*.pattern'] }.");
  const { sites, replace = {}, interventions = [], state: given, adapter, signal } = options;
  const ids = encodeFor(opened, prompt, given, options);
  if (from > 0 && from >= ids.length)
    throw new UsageError(`capture got from: ${from}, but the text has ${ids.length} tokens: wanted less.`);
  const wanted = matchSites(all, sites);
  const target = targetOf(engine.model);
  const read = given?.length ?? 0;
  const changed = compile(interventions, target).and(
    replacing(replace, { from: read + from, count: ids.length - from }, target),
  );
  const under = sequenceOf(changed, { promptLength: read + ids.length });
  const { backend, ops } = engine;
  const capture = new Capture(
    backend,
    ops,
    all.filter(({ name }) => wanted.has(name)),
  );
  const state = given ?? engine.newState();
  try {
    const { tap } = capture;
    const rows = tap.sees('logits') ? 'all' : 'none';
    const sequence = { state, interventions: under, adapter, signal };
    if (from > 0) await engine.read([{ ...sequence, ids: ids.slice(0, from), rows: 'none' }]);
    const stepTokens = Math.max(1, ids.length - from); // a recurrent state is captured at the end of each step
    await engine.read([{ ...sequence, ids: ids.slice(from), rows, tap }], { stepTokens });
    return await capture.collect();
  } finally {
    capture.dispose();
    if (!given) state.dispose();
  }
}
