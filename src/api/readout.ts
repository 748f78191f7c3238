/** Runs the end of a model on values of earlier layers: src/runtime/readout.ts for texts. */
import { UsageError } from '../base/errors.ts';
import { type CapturedTensor, matchSites } from '../inspect/capture.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import { type SequenceInterventions, sequenceOf } from '../interventions/sequence.ts';
import type { InterventionTarget } from '../interventions/target.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Site } from '../models/model.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf } from '../options/option.ts';
import type { Engine } from '../runtime/engine.ts';
import { readout } from '../runtime/readout.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodePrompt, type Prompt } from './prompt.ts';

const READOUT_OPTIONS = { ...ENCODE_OPTIONS, sites: kinds.texts, interventions: INTERVENTIONS, signal: kinds.signal };

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
  const { interventions, signal, splitSpecialTokens } = checkOptions('readout', options, READOUT_OPTIONS);
  if (!options?.sites)
    throw new UsageError("readout needs the names of sites, as in { sites: ['blocks.*.residPost'] }.");
  const sites = readableSites(opened.model.sites, options.sites);
  const ids = encodePrompt(opened, prompt, { splitSpecialTokens });
  const under = interventions && changesOf(targetOf(engine.model), ids.length, interventions);
  signal?.throwIfAborted();
  const shape = [ids.length, opened.model.facts.dModel] as const;
  const hidden = await readout(engine, ids, sites, under);
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

/** Throws UsageError when `readout` and the logit lens cannot read a text of so many tokens under these interventions; before the weights are loaded. */
export function checkReadoutInterventions(
  { model }: OpenedModel,
  tokens: number,
  interventions: InterventionsOption,
): void {
  changesOf(targetOf(model), tokens, interventions);
}

/** The text is read in one step, and logits are computed later from what that gives. */
function changesOf(
  target: InterventionTarget,
  tokens: number,
  interventions: InterventionsOption,
): SequenceInterventions | undefined {
  const changes = compile(interventions, target);
  const { edits, replacements } = changes;
  if (edits.has('logits') || replacements.some(({ site }) => site === 'logits'))
    throw new UsageError("predictions of earlier layers have no site 'logits': leave interventions on it out.");
  const under = sequenceOf(changes, { promptLength: tokens });
  if (under && under.cutAfter(0) < tokens)
    throw new UsageError(
      'predictions of earlier layers are made in one step, and these interventions begin or end within the text: change a state before token 0 only, and senses without from and to.',
    );
  return under;
}
