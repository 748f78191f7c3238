/** Attention patterns: how much of each earlier token each head reads at each token, and how spread out that is. */
import { UsageError } from '../base/errors.ts';
import { log } from '../base/math.ts';
import { checkOptions } from '../options/check.ts';
import { kind, kinds, type OptionsOf, option } from '../options/option.ts';
import { INTERVENTIONS_OPTION } from './interventions-option.ts';
import { LAYERS_OPTION, layersWith } from './layers.ts';
import type { Subject, SubjectPrompt } from './subject.ts';
import { type Word, wordsOf } from './words.ts';

export const ATTENTION_OPTIONS = {
  layers: LAYERS_OPTION,
  heads: option(kind('a list of numbers of heads, from 0 on', kinds.ids), 'numbers of heads, from 0 on (default: all)'),
  /** In force while the model reads. */
  interventions: INTERVENTIONS_OPTION,
  signal: kinds.signal,
};

export interface AttentionOptions extends OptionsOf<typeof ATTENTION_OPTIONS> {}

export interface HeadPattern {
  readonly layer: number;
  readonly head: number;
  /** [T][S]: for each token, the probability with which each token up to it is read; 0 for later ones. Rows sum to 1. */
  readonly pattern: readonly (readonly number[])[];
  /** For each token, the entropy of its row in nats: 0 when one token is read, log(t + 1) when all are read alike. */
  readonly entropy: readonly number[];
}

export interface AttentionPatterns {
  /** Of the text. */
  readonly tokens: readonly Word[];
  readonly heads: readonly HeadPattern[];
}

export const NO_ATTENTION = 'this model has no attention';

/** The layers to look at. Throws UsageError on layers that have no attention and on heads that do not exist, before the weights are loaded. */
export function checkAttention(
  subject: Pick<Subject, 'sites' | 'facts'>,
  tokens: number,
  options: AttentionOptions,
): number[] {
  const { layers, heads } = checkOptions('attentionPatterns', options, ATTENTION_OPTIONS);
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  const found = layersWith(subject, 'pattern', layers, NO_ATTENTION);
  const { nHeads = 0 } = subject.facts;
  const strange = heads?.find((head) => head >= nHeads);
  if (strange !== undefined)
    throw new UsageError(`head ${strange} does not exist: this model has ${nHeads} heads, from 0 on.`);
  return found;
}

/** Layers are captured one by one, so that memory is taken for the patterns of one only. */
export async function attentionPatterns(
  subject: Subject,
  prompt: SubjectPrompt,
  options: AttentionOptions = {},
): Promise<AttentionPatterns> {
  const { heads: wanted, interventions, signal } = checkOptions('attentionPatterns', options, ATTENTION_OPTIONS);
  const ids = subject.encode(prompt);
  const layers = checkAttention(subject, ids.length, options);
  const heads: HeadPattern[] = [];
  for (const layer of layers) {
    const site = `blocks.${layer}.pattern`;
    const captured = (await subject.capture(prompt, { sites: [site], interventions, signal })).get(site);
    const [count = 0, t = 0, s = 0] = captured?.shape ?? [];
    const data = captured?.data as Float32Array;
    for (const head of wanted ?? Array.from({ length: count }, (_, h) => h)) {
      const pattern = Array.from({ length: t }, (_, row) => {
        const from = (head * t + row) * s;
        return Array.from(data.subarray(from, from + s));
      });
      heads.push({ layer, head, pattern, entropy: pattern.map(entropyNats) });
    }
  }
  return { tokens: wordsOf(subject, ids), heads };
}

const entropyNats = (row: readonly number[]): number => row.reduce((sum, p) => (p > 0 ? sum - p * log(p) : sum), 0);

/** The places that a token reads most, the most read first. */
export function strongestSources(
  row: readonly number[],
  count: number,
): { readonly position: number; readonly probability: number }[] {
  return row
    .map((probability, position) => ({ position, probability }))
    .filter(({ probability }) => probability > 0)
    .sort((a, b) => b.probability - a.probability || a.position - b.position)
    .slice(0, count);
}
