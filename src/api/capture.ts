/** Values from inside of a model while it reads a text. */
import { UsageError } from '../base/errors.ts';
import type { TypedArray } from '../base/tensor.ts';
import { Capture, type CapturedTensor, matchSites } from '../inspect/capture.ts';
import { compile, replacing } from '../interventions/compile.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { holds, jsonObject, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import type { Engine, Request } from '../runtime/engine.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { State } from '../runtime/state.ts';
import { anAdapter } from './adapter-option.ts';
import { captureBytes } from './capture-bytes.ts';
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

/** Reads the pieces of a text, one after another. `bytes`: what is captured meanwhile. */
export type ReadPieces = (pieces: readonly Omit<Request, 'state'>[], bytes: number) => Promise<void>;

/** `read`: default: with the given state, or one of its own; the last piece in one step. */
export async function capture(
  { opened, engine }: ModelParts,
  prompt: Prompt,
  options: CaptureOptions,
  read: ReadPieces = (pieces) => readAtOnce(engine, pieces, options.state),
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
  const before = given?.length ?? 0;
  const changed = compile(interventions, target).and(
    replacing(replace, { from: before + from, count: ids.length - from }, target),
  );
  const under = sequenceOf(changed, { promptLength: before + ids.length });
  const { backend, ops } = engine;
  const capture = new Capture(
    backend,
    ops,
    all.filter(({ name }) => wanted.has(name)),
  );
  try {
    const { tap } = capture;
    const rows = tap.sees('logits') ? 'all' : 'none';
    const shared = { interventions: under, adapter, signal };
    const skipped = from > 0 ? [{ ...shared, ids: ids.slice(0, from), rows: 'none' as const }] : [];
    const pieces = [...skipped, { ...shared, ids: ids.slice(from), rows, tap, visit: () => {} } as const];
    await read(pieces, captureBytes(target, wanted, { from: before + from, to: before + ids.length }));
    return await capture.collect();
  } finally {
    capture.dispose();
  }
}

async function readAtOnce(
  engine: Engine,
  pieces: readonly Omit<Request, 'state'>[],
  given: State | undefined,
): Promise<void> {
  const state = given ?? engine.newState();
  try {
    for (const piece of pieces) {
      const stepTokens = piece.tap && Math.max(1, piece.ids.length); // values may replace those of one step only
      await engine.read([{ ...piece, state }], stepTokens ? { stepTokens } : {});
    }
  } finally {
    if (!given) state.dispose();
  }
}
