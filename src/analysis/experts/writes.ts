/**
 * What experts write: the output of an expert, weighed by its gate and by what the block adds it with, as the head reads it behind the final norm
 * (as in direct logit attribution: the norm's scale is that of the whole residual stream at the token).
 */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import { fixedNorm } from '../fixed-norm.ts';
import type { Declared } from '../layers.ts';
import { aPosition, findPosition } from '../positions.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Word, wordWithId } from '../words.ts';
import { type Mixtures, mixturesOf, ROUTING_OPTIONS } from './routing.ts';

export const EXPERT_WRITES_OPTIONS = {
  ...ROUTING_OPTIONS,
  position: option(
    aPosition,
    'only at this place in the text; -1 is the last (default: the mean over all tokens of an expert)',
  ),
  top: option(kinds.fromOne, 'words whose logits an expert raises most, and lowers most', 6),
};

export interface ExpertWritesOptions extends OptionsOf<typeof EXPERT_WRITES_OPTIONS> {}

export interface WrittenWord extends Word {
  /** What is added to its logit, less the mean over all words: what is common to all changes no probability. */
  readonly logit: number;
}

export interface ExpertWrite {
  readonly layer: number;
  readonly expert: number;
  /** Tokens whose writing this is the mean of, and the mean gate over these. */
  readonly tokens: number;
  readonly gate: number;
  /** Standard deviation over words of what is added to their logits: how much the expert has to say. */
  readonly spread: number;
  readonly raised: readonly WrittenWord[];
  readonly lowered: readonly WrittenWord[];
}

export interface ExpertWrites {
  readonly tokens: number;
  readonly position?: number | undefined;
  /** Layer by layer, experts that were used, in the order of their numbers. */
  readonly writes: readonly ExpertWrite[];
}

export interface ExpertWritesPlan {
  readonly mixtures: Mixtures;
  readonly stream: NonNullable<Subject['residualStream']>;
  readonly position: number | undefined;
}

/** Throws UsageError on a model without a mixture, or whose head reads something else, and on places that do not exist: also before its weights are loaded. */
export function checkExpertWrites(
  model: Declared & Partial<Pick<Subject, 'residualStream'>>,
  tokens: number,
  options: ExpertWritesOptions = {},
): ExpertWritesPlan {
  const { layers, position } = checkOptions('expertWrites', options, EXPERT_WRITES_OPTIONS);
  const mixtures = mixturesOf(model, layers);
  const { residualStream: stream } = model;
  if (!stream) throw new UsageError('no norm and head read the residual stream of this model.');
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  return { mixtures, stream, position: position === undefined ? undefined : findPosition(position, tokens) };
}

/** Numbers that captured values may take together. */
const BUDGET_BYTES = 128 << 20;

/** What one expert wrote in one layer. */
class Written {
  readonly sum: Float64Array;
  tokens = 0;
  gate = 0;

  constructor(width: number) {
    this.sum = new Float64Array(width);
  }

  add(value: Float32Array, gate: number, by: number): void {
    this.tokens++;
    this.gate += gate;
    for (let m = 0; m < value.length; m++) this.sum[m] = (this.sum[m] as number) + by * gate * (value[m] as number);
  }
}

export async function expertWrites(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ExpertWritesOptions = {},
): Promise<ExpertWrites> {
  const checked = checkOptions('expertWrites', options, EXPERT_WRITES_OPTIONS);
  const { top, signal } = checked;
  const ids = subject.encode(prompt);
  const { mixtures, stream, position } = checkExpertWrites(subject, ids.length, options);
  const read = position === undefined ? ids : ids.slice(0, position + 1);
  const { layers, experts } = mixtures;
  const { dModel } = subject.facts;
  const gain = await subject.parameter(stream.norm.gain);
  const written = layers.map(() => new Map<number, Written>());
  const byOf = (layer: number) => stream.writes.find(({ site }) => site === `blocks.${layer}.mlpOut`)?.by ?? 1;
  const names = ['expertIds', 'expertGates', 'expertOut'] as const;
  const sites = [...layers.flatMap((layer) => names.map((name) => `blocks.${layer}.${name}`)), stream.output];
  const stepTokens = Math.max(1, Math.min(256, Math.floor(BUDGET_BYTES / (4 * layers.length * experts * dModel))));
  for await (const step of subject.captureSteps(read, { sites, stepTokens, window: checked.window, signal })) {
    const { first, at, values } = step;
    for (let row = first; row < step.ids.length; row++) {
      if (position !== undefined && at + row - first !== position) continue;
      const norm = fixedNorm(stream.norm, rowOf(values.get(stream.output)?.data as Float32Array, row, dModel), gain);
      for (const [k, layer] of layers.entries()) {
        const [chosen, gates, outputs] = names.map((name) => values.get(`blocks.${layer}.${name}`)?.data);
        const active = (chosen as Int32Array).length / step.ids.length;
        for (let slot = row * active; slot < (row + 1) * active; slot++) {
          const expert = (chosen as Int32Array)[slot] as number;
          const ofExpert = written[k]?.get(expert) ?? new Written(dModel);
          written[k]?.set(expert, ofExpert);
          const value = norm.through(rowOf(outputs as Float32Array, slot, dModel));
          ofExpert.add(value, (gates as Float32Array)[slot] as number, byOf(layer));
        }
      }
    }
    checked.onProgress?.(at + step.ids.length - first, read.length);
  }
  const writes: ExpertWrite[] = [];
  for (const [k, layer] of layers.entries())
    writes.push(...(await wordsOfLayer(subject, layer, written[k] as Map<number, Written>, top, signal)));
  return { tokens: read.length, ...(position === undefined ? {} : { position }), writes };
}

const rowOf = (values: Float32Array, row: number, width: number): Float32Array =>
  values.subarray(row * width, (row + 1) * width);

async function wordsOfLayer(
  subject: Subject,
  layer: number,
  written: ReadonlyMap<number, Written>,
  top: number,
  signal: AbortSignal | undefined,
): Promise<ExpertWrite[]> {
  const { dModel, vocabSize } = subject.facts;
  const used = [...written].sort(([a], [b]) => a - b);
  const hidden = new Float32Array(used.length * dModel);
  used.forEach(([, { sum, tokens }], i) => {
    hidden.set(
      sum.map((one) => one / tokens),
      i * dModel,
    );
  });
  const writes: ExpertWrite[] = [];
  const visit = (first: number, logits: Float32Array) => {
    for (let row = 0; row * vocabSize < logits.length; row++) {
      const [expert, { tokens, gate }] = used[first + row] as [number, Written];
      writes.push({
        layer,
        expert,
        tokens,
        gate: gate / tokens,
        ...extremes(subject, rowOf(logits, row, vocabSize), top),
      });
    }
  };
  await subject.unembed(hidden, visit, { signal });
  return writes;
}

function extremes(
  subject: Subject,
  logits: Float32Array,
  top: number,
): Pick<ExpertWrite, 'spread' | 'raised' | 'lowered'> {
  const mean = logits.reduce((sum, one) => sum + one, 0) / logits.length;
  const spread = Math.sqrt(logits.reduce((sum, one) => sum + (one - mean) ** 2, 0) / logits.length);
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
  const word = (id: number) => ({ ...wordWithId(subject, id), logit: (logits[id] as number) - mean });
  return { spread, raised: order.slice(0, top).map(word), lowered: order.slice(-top).reverse().map(word) };
}
