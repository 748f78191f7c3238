/** The logits of every position of a text. */
import type { CapturedTensor } from '../inspect/capture.ts';
import { compile } from '../interventions/compile.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf } from '../options/option.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { anAdapter } from './adapter-option.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import type { ModelParts } from './model-parts.ts';
import { ENCODE_OPTIONS, encodePrompt, type Prompt } from './prompt.ts';
import { readThrough } from './read-through.ts';

const LOGITS_OPTIONS = { ...ENCODE_OPTIONS, interventions: INTERVENTIONS, adapter: anAdapter, signal: kinds.signal };

export interface LogitsOptions extends OptionsOf<typeof LOGITS_OPTIONS> {}

/** [T, V] */
export async function logits(
  { opened, engine }: ModelParts,
  prompt: Prompt,
  options: LogitsOptions,
): Promise<CapturedTensor> {
  const { signal, splitSpecialTokens, interventions, adapter } = checkOptions('logits', options, LOGITS_OPTIONS);
  const ids = encodePrompt(opened, prompt, { splitSpecialTokens });
  const { vocabSize } = engine.model.facts;
  const data = new Float32Array(ids.length * vocabSize);
  const visit = (first: number, some: Float32Array) => data.set(some, first * vocabSize);
  const changed = interventions && compile(interventions, targetOf(engine.model));
  const under = changed && sequenceOf(changed, { promptLength: ids.length });
  await readThrough(engine, { ids, rows: 'all', visit, signal, interventions: under, adapter });
  return { shape: [ids.length, vocabSize], dtype: 'f32', data };
}
