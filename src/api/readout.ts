/** Runs the end of a model on values of earlier layers: src/runtime/readout.ts for texts. */
import { UsageError } from '../base/errors.ts';
import { type CapturedTensor, matchSites } from '../inspect/capture.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Site } from '../models/model.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf } from '../options/option.ts';
import type { Engine } from '../runtime/engine.ts';
import { readout } from '../runtime/readout.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodePrompt, type Prompt } from './prompt.ts';

const READOUT_OPTIONS = { ...ENCODE_OPTIONS, sites: kinds.texts, signal: kinds.signal };

export interface ReadoutOptions extends EncodePromptOptions, OptionsOf<typeof READOUT_OPTIONS> {
  /** Names of sites whose values are [T, M], `*` for any part. */
  readonly sites: readonly string[];
}

export async function readoutOf(
  opened: OpenedModel,
  engine: Engine,
  prompt: Prompt,
  options: ReadoutOptions,
): Promise<Map<string, CapturedTensor>> {
  const { signal, splitSpecialTokens } = checkOptions('readout', options, READOUT_OPTIONS);
  if (!options?.sites)
    throw new UsageError("readout needs the names of sites, as in { sites: ['blocks.*.residPost'] }.");
  const sites = readableSites(opened.model.sites, options.sites);
  const ids = encodePrompt(opened, prompt, { splitSpecialTokens });
  signal?.throwIfAborted();
  const shape = [ids.length, opened.model.facts.dModel] as const;
  const hidden = await readout(engine, ids, sites);
  return new Map([...hidden].map(([site, data]) => [site, { shape, dtype: 'f32', data }]));
}

/** Sites whose values can replace the last block's output. Throws UsageError on others. */
export function readableSites(sites: readonly Site[], patterns: readonly string[]): Set<string> {
  const found = matchSites(sites, patterns);
  for (const { name, axes } of sites)
    if (found.has(name) && (axes !== '[T, M]' || name === 'hidden'))
      throw new UsageError(
        `'${name}' cannot take the place of the last block's output: wanted a site of the blocks whose values are [T, M].`,
      );
  return found;
}
