/** Ablation: each value of a list is removed in turn, or set to its mean, and the change of the prediction is measured. */
import { UsageError } from '../../base/errors.ts';
import type { Intervention } from '../../interventions/intervention.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, oneOf, option } from '../../options/option.ts';
import { findMetric, METRIC_OPTIONS, type Metric, measured } from '../metric.ts';
import { hasHeads, rowSites } from '../row-sites.ts';
import { type Averages, averagesOf } from '../steering/averages.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { SWEEP_OPTIONS, sweep } from '../sweep.ts';
import { type Vocabulary, type Word, wordsOf } from '../words.ts';

const KINDS = ['zero', 'mean'] as const;

/** What the blocks add to the residual stream, of models that have it. */
const USUAL = /^blocks\.\d+\.(attnOut|mlpOut|mixerOut)$/;

export const ABLATE_OPTIONS = {
  ...METRIC_OPTIONS,
  sites: option(kinds.texts, 'sites to ablate, * for any part (default: what attention, feed-forward and mixer add)'),
  perHead: option(kinds.flag, 'each head by itself, where a site has some', false),
  by: option(
    oneOf<(typeof KINDS)[number]>(KINDS),
    'zero: values become 0; mean: they become their mean over the tokens of a corpus',
    'zero',
  ),
  corpus: option(kinds.texts, 'texts for the mean (default: the text itself)'),
  ...SWEEP_OPTIONS,
};

export interface AblateOptions extends OptionsOf<typeof ABLATE_OPTIONS> {}

/** One site, or one head of it. */
export interface AblatedPart {
  readonly site: string;
  readonly head?: number | undefined;
  readonly value: number;
  /** Of the value, against that without ablation. */
  readonly change: number;
}

export interface Ablation {
  readonly tokens: readonly Word[];
  /** Undefined: the mean log-probability of the text's tokens, in nats. */
  readonly metric?: Metric | undefined;
  readonly by: (typeof KINDS)[number];
  readonly value: number;
  /** In the order of the model. */
  readonly parts: readonly AblatedPart[];
}

/** What is ablated, found before the weights are loaded. Throws UsageError on what does not exist. */
export function checkAblate(
  subject: Vocabulary & Pick<Subject, 'sites'>,
  ids: readonly number[],
  given: AblateOptions = {},
) {
  const options = checkOptions('ablate', given, ABLATE_OPTIONS);
  const { word, against, measure, by, corpus } = options;
  if (word === undefined && (against !== undefined || measure !== undefined))
    throw new UsageError("'against' and 'measure' are about a word: give it, or leave them out for the whole text.");
  if (word === undefined && ids.length < 2)
    throw new UsageError('the text has no token after the first; give a longer one, or a word to measure.');
  if (ids.length === 0) throw new UsageError('the prompt is empty; give at least one token.');
  if (corpus && by !== 'mean') throw new UsageError("a corpus is for { by: 'mean' }; leave it out, or choose that.");
  const usual = subject.sites.filter(({ name }) => USUAL.test(name)).map(({ name }) => name);
  return {
    metric: word === undefined ? undefined : findMetric(subject, options),
    sites: rowSites(subject.sites, options.sites ?? usual),
  };
}

/** Throws UsageError as checkAblate does. */
export async function ablate(subject: Subject, prompt: SubjectPrompt, given: AblateOptions = {}): Promise<Ablation> {
  const options = checkOptions('ablate', given, ABLATE_OPTIONS);
  const { signal, perHead, by, corpus } = options;
  const ids = subject.encode(prompt);
  const { metric, sites } = checkAblate(subject, ids, given);
  const names = sites.map(({ name }) => name);
  const texts = by === 'mean' ? (corpus ?? [ids]) : [];
  const means =
    texts.length > 0 ? await averagesOf(subject, texts, { sites: names, positions: 'all', signal }) : undefined;
  const shapes = perHead ? await subject.capture(ids.slice(0, 1), { sites: names, signal }) : undefined;
  const targets = sites.flatMap((site): { readonly site: string; readonly head?: number }[] => {
    const heads = perHead && hasHeads(site) ? shapes?.get(site.name)?.shape[1] : undefined;
    if (heads === undefined) return [{ site: site.name }];
    return Array.from({ length: heads }, (_, head) => ({ site: site.name, head }));
  });
  const runs = [[], ...targets.map(({ site, head }) => [removal(site, head, means)])];
  const values = await valuesOf(subject, ids, runs, metric, options);
  const [value = Number.NaN, ...others] = values;
  const parts = targets.map((target, i) => ({
    ...target,
    value: others[i] as number,
    change: (others[i] as number) - value,
  }));
  return { tokens: wordsOf(subject, ids), ...(metric ? { metric } : {}), by, value, parts };
}

function removal(site: string, head: number | undefined, means: Averages | undefined): Intervention {
  const heads = head === undefined ? {} : { heads: [head] };
  const mean = means?.get(site)?.mean;
  return mean ? { site, set: mean, ...heads } : { site, scale: 0, ...heads };
}

async function valuesOf(
  subject: Subject,
  ids: readonly number[],
  runs: readonly (readonly Intervention[])[],
  metric: Metric | undefined,
  { signal, onProgress }: Pick<AblateOptions, 'signal' | 'onProgress'>,
): Promise<number[]> {
  if (metric) {
    const all = runs.map((interventions) => ({ prompt: ids, interventions }));
    return sweep(subject, all, ids.length, (logits) => measured(metric, logits), { signal, onProgress });
  }
  const values: number[] = [];
  for (const interventions of runs) {
    const { tokens, sumLogprob } = await subject.score(ids, { interventions, signal });
    values.push(sumLogprob / tokens.filter(({ logprob }) => logprob !== null).length);
    onProgress?.(values.length, runs.length);
  }
  return values;
}
