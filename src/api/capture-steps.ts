/** Captures values of a text of any length, step by step, with memory for one step only. */
import { UsageError } from '../base/errors.ts';
import { Capture, type CapturedTensor, matchSites } from '../inspect/capture.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import type { Engine } from '../runtime/engine.ts';
import type { Prompt } from './prompt.ts';
import { WINDOW_OPTIONS, type WindowOptions, windowsOf } from './windows.ts';

/** As in Reader: large enough to read the weights rarely. */
const STEP_TOKENS = 256;

export const CAPTURE_STEPS_OPTIONS = {
  ...WINDOW_OPTIONS,
  /** Names of sites, `*` for any part. */
  sites: kinds.texts,
  stepTokens: option(kinds.fromOne, 'tokens that are read at once', STEP_TOKENS),
  signal: kinds.signal,
};

export interface CaptureStepsOptions extends WindowOptions, OptionsOf<typeof CAPTURE_STEPS_OPTIONS> {
  readonly sites: readonly string[];
}

export interface CapturedStep {
  /** Ids read in this step; values per token have a row for each. */
  readonly ids: readonly number[];
  /**
   * The first row of new text. Rows before it are of tokens that an earlier window has read, or that the tokenizer puts in front of each
   * window.
   */
  readonly first: number;
  /** Index in the text of the token of row `first`. */
  readonly at: number;
  /** Does a window begin here, with a new state? */
  readonly begins: boolean;
  readonly values: ReadonlyMap<string, CapturedTensor>;
}

/** Yields steps in the order of the text, in windows as in windowsOf. Throws UsageError as `capture` and `windowsOf` do. */
export async function* captureSteps(
  opened: OpenedModel,
  engine: Engine,
  prompt: Prompt,
  options: CaptureStepsOptions,
): AsyncGenerator<CapturedStep> {
  const { stepTokens, signal } = checkOptions('captureSteps', options, CAPTURE_STEPS_OPTIONS);
  if (!options?.sites) throw new UsageError("captureSteps needs the names of sites, as in { sites: ['blocks.*.dt'] }.");
  const names = matchSites(opened.model.sites, options.sites);
  const wanted = opened.model.sites.filter(({ name }) => names.has(name));
  for (const { ids, first, at } of windowsOf(opened, prompt, options).windows) {
    const state = engine.newState();
    try {
      for (let from = 0; from < ids.length; from += stepTokens) {
        const some = ids.slice(from, from + stepTokens);
        const capture = new Capture(engine.backend, engine.ops, wanted);
        try {
          const { tap } = capture;
          const rows = tap.sees('logits') ? 'all' : 'none';
          const [outcome] = await engine.step([{ ids: some, state, rows, tap, signal }]);
          if (outcome?.failure) throw outcome.failure.error;
          const repeated = Math.min(some.length, Math.max(0, first - from));
          const place = at - first + from + repeated;
          yield { ids: some, first: repeated, at: place, begins: from === 0, values: await capture.collect() };
        } finally {
          capture.dispose();
        }
      }
    } finally {
      state.dispose();
    }
  }
}
