/**
 * Direct logit attribution (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"): what the embedding and every branch add
 * to the logit of a word, or to the difference of the logits of two. The final norm is taken as the linear map that it is at this place:
 * its scale, and for LayerNorm the mean, are those of this pass. So the parts sum to the logit.
 */
import { UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import { fixedNorm } from './fixed-norm.ts';
import { INTERVENTIONS_OPTION } from './interventions-option.ts';
import { aPosition, findPosition } from './positions.ts';
import type { Subject, SubjectPrompt } from './subject.ts';
import { aWord, findWord, type Vocabulary, type Word, wordsOf } from './words.ts';

export const ATTRIBUTION_OPTIONS = {
  word: option(aWord, "the word whose logit is taken apart: a text that is one token, as in ' she', or an id"),
  against: option(aWord, 'the difference of the logits of --word and of this word'),
  position: option(aPosition, 'place in the text after which the word would come; -1 is the last', -1),
  perHead: option(kinds.flag, 'also what each head of the attentions adds', false),
  /** In force while the model reads. What they change in the residual stream itself is in `rest`. */
  interventions: INTERVENTIONS_OPTION,
  signal: kinds.signal,
};

export interface AttributionOptions extends OptionsOf<typeof ATTRIBUTION_OPTIONS> {
  readonly word: string | number;
}

export interface LogitPart {
  /** Of what is added to the residual stream, such as `embed` or `blocks.3.attnOut`. */
  readonly site: string;
  readonly logit: number;
  /** What each head adds, with `perHead`. The rest is the bias of the output map, and what maps that quantise their input lose. */
  readonly heads?: readonly number[] | undefined;
  readonly headsRest?: number | undefined;
}

export interface LogitAttribution {
  /** Of the text. */
  readonly tokens: readonly Word[];
  readonly position: number;
  readonly word: Word;
  readonly against?: Word | undefined;
  /** As the model gives it: of `word`, less that of `against`. */
  readonly logit: number;
  /** In the order of the model. These, `bias` and `rest` sum to `logit`. */
  readonly parts: readonly LogitPart[];
  /** What the bias of the final norm adds. */
  readonly bias: number;
  /** What is left: rounding, and what interventions change between the parts. */
  readonly rest: number;
  /** What the final norm multiplies with at this place, before its gain. */
  readonly normScale: number;
}

export interface AttributionPlan {
  readonly word: Word;
  readonly against: Word | undefined;
  readonly position: number;
  readonly stream: NonNullable<Subject['residualStream']>;
}

/** What is to be taken apart, found before the weights are loaded. Throws UsageError on what does not exist. */
export function checkAttribution(
  subject: Vocabulary & Pick<Subject, 'residualStream'>,
  tokens: number,
  options: AttributionOptions,
): AttributionPlan {
  const { word, against, position } = checkOptions('attributeLogit', options, ATTRIBUTION_OPTIONS);
  const stream = subject.residualStream;
  if (!stream)
    throw new UsageError(
      'no norm and head read the residual stream of this model: its logits are sums over sense vectors, and `portmanteau senses` takes them apart.',
    );
  if (word === undefined) throw new UsageError("attributeLogit needs a word, as in { word: ' she' }.");
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  const other = against === undefined ? undefined : findWord(subject, against);
  const found = findWord(subject, word);
  if (other?.id === found.id) throw new UsageError('word and against are the same token; the difference is always 0.');
  return { word: found, against: other, position: findPosition(position, tokens), stream };
}

export async function attributeLogit(
  subject: Subject,
  prompt: SubjectPrompt,
  options: AttributionOptions,
): Promise<LogitAttribution> {
  const { perHead, interventions, signal } = checkOptions('attributeLogit', options, ATTRIBUTION_OPTIONS);
  const ids = subject.encode(prompt);
  const { word, against, position, stream } = checkAttribution(subject, ids.length, options);
  const heads = perHead ? stream.writes.flatMap((write) => write.heads ?? []) : [];
  const sites = [...stream.writes.map(({ site }) => site), ...heads, stream.output, 'logits'];
  // Interventions may count positions from the end of the text.
  const read = interventions ? ids : ids.slice(0, position + 1);
  const seen = await subject.capture(read, { sites, from: position, interventions, signal });
  const values = (site: string) => {
    const data = seen.get(site)?.data as Float32Array;
    return data.subarray(0, data.length / (read.length - position));
  };
  const row = async (of: Word) => subject.parameter(stream.head, { first: of.id, count: 1 });
  const [mine, other] = [await row(word), against && (await row(against))];
  const direction = Float64Array.from(mine, (x, m) => stream.logitScale * (x - (other?.[m] ?? 0)));
  const bias = stream.norm.bias === undefined ? 0 : dot(direction, await subject.parameter(stream.norm.bias));
  const gain = await subject.parameter(stream.norm.gain);
  const norm = fixedNorm(stream.norm, values(stream.output), gain);
  const before = norm.back(direction);
  const toLogit = (value: Float32Array) => dot(before, value);
  const parts = stream.writes.map(({ site, by, heads }): LogitPart => {
    const logit = by * toLogit(values(site));
    if (!perHead || heads === undefined) return { site, logit };
    const each = rowsOf(values(heads), direction.length).map((value) => by * toLogit(value));
    return { site, logit, heads: each, headsRest: logit - sum(each) };
  });
  const logits = values('logits');
  const logit = (logits[word.id] as number) - (against ? (logits[against.id] as number) : 0);
  const rest = logit - bias - sum(parts.map((part) => part.logit));
  const words = { word, ...(against ? { against } : {}) };
  return { tokens: wordsOf(subject, ids), position, ...words, logit, parts, bias, rest, normScale: norm.scale };
}

function rowsOf(values: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: values.length / width }, (_, i) => values.subarray(i * width, (i + 1) * width));
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] as number;
  return total;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}
