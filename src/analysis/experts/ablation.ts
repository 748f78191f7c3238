/** What a model loses without an expert: each is switched off in turn, and the router chooses the next best in its place. */
import { UsageError } from '../../base/errors.ts';
import type { Intervention } from '../../interventions/intervention.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import type { Declared } from '../layers.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { aWord, findWord, type Vocabulary, type Word } from '../words.ts';
import { expertLoad } from './load.ts';
import { type Mixtures, mixturesOf, ROUTING_OPTIONS } from './routing.ts';

export const EXPERT_ABLATION_OPTIONS = {
  ...ROUTING_OPTIONS,
  experts: option(kinds.ids, 'only these experts (default: all)'),
  together: option(
    kinds.flag,
    'switch off the experts at once, in all layers that are named, instead of each in turn',
    false,
  ),
  word: option(aWord, 'measure the logit of this word after the text, instead of the log-probability of the text'),
  against: option(aWord, 'measure the difference of the logits of --word and of this word'),
};

export interface ExpertAblationOptions extends OptionsOf<typeof EXPERT_ABLATION_OPTIONS> {}

export interface AblatedExperts {
  readonly layers: readonly number[];
  readonly experts: readonly number[];
  /** How many tokens go to them, when they are there; a token counts for each expert and layer. */
  readonly tokens: number;
  /** What is measured without them, and that less the baseline: below 0, the model does worse without them. */
  readonly value: number;
  readonly change: number;
}

export interface ExpertAblation {
  /** `logprob`: mean natural log-probability of the tokens of the text; `logit`: of `word`, less that of `against`. */
  readonly measure: 'logprob' | 'logit';
  readonly word?: Word | undefined;
  readonly against?: Word | undefined;
  readonly tokens: number;
  readonly baseline: number;
  readonly ablations: readonly AblatedExperts[];
}

export interface ExpertAblationPlan {
  readonly mixtures: Mixtures;
  readonly experts: readonly number[];
  readonly word: Word | undefined;
  readonly against: Word | undefined;
}

/** Throws UsageError on experts, layers or words that do not exist: also before the weights are loaded. */
export function checkExpertAblation(
  model: Declared & Vocabulary,
  tokens: number,
  options: ExpertAblationOptions,
): ExpertAblationPlan {
  const { layers, experts, together, word, against } = checkOptions('ablateExperts', options, EXPERT_ABLATION_OPTIONS);
  const mixtures = mixturesOf(model, layers);
  const strange = experts?.find((expert) => expert >= mixtures.experts);
  if (strange !== undefined)
    throw new UsageError(`expert ${strange} does not exist: each layer has experts 0 to ${mixtures.experts - 1}.`);
  if (experts?.length === 0) throw new UsageError('the list of experts is empty; name one at least, or leave it out.');
  if (together && !experts) throw new UsageError('together is for some experts: say which, as in { experts: [0, 7] }.');
  if (against !== undefined && word === undefined) throw new UsageError('against is for two words: give word too.');
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  if (word === undefined && tokens === 1)
    throw new UsageError('the text has one token, and the first has no probability: give two at least, or a word.');
  return {
    mixtures,
    experts: experts ?? Array.from({ length: mixtures.experts }, (_, expert) => expert),
    word: word === undefined ? undefined : findWord(model, word),
    against: against === undefined ? undefined : findWord(model, against),
  };
}

/** One pass for each expert of each layer that some token goes to, and two more. Throws UsageError as checkExpertAblation does. */
export async function ablateExperts(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ExpertAblationOptions = {},
): Promise<ExpertAblation> {
  const { together, window, signal, onProgress } = checkOptions('ablateExperts', options, EXPERT_ABLATION_OPTIONS);
  const ids = subject.encode(prompt);
  const { mixtures, experts, word, against } = checkExpertAblation(subject, ids.length, options);
  const { layers } = mixtures;
  const load = await expertLoad(subject, prompt, { layers, window, signal });
  const usedBy = (expert: number, layer: number) => load.layers.find((one) => one.layer === layer)?.counts[expert] ?? 0;
  const measure = (interventions: readonly Intervention[]) =>
    word
      ? logitAfter(subject, ids, word, against, { interventions, signal })
      : meanLogprob(subject, prompt, { interventions, window, signal });
  const baseline = await measure([]);
  const cases = together
    ? [{ layers, experts }]
    : layers.flatMap((layer) => experts.map((expert) => ({ layers: [layer], experts: [expert] })));
  const ablations: AblatedExperts[] = [];
  for (const one of cases) {
    const tokens = one.layers.reduce((sum, layer) => sum + one.experts.reduce((n, e) => n + usedBy(e, layer), 0), 0);
    // Where no token goes to an expert, nothing changes without it.
    const value = tokens === 0 ? baseline : await measure([{ ...one, disable: true }]);
    ablations.push({ ...one, tokens, value, change: value - baseline });
    onProgress?.(ablations.length, cases.length);
  }
  const words = { ...(word ? { word } : {}), ...(against ? { against } : {}) };
  return { measure: word ? 'logit' : 'logprob', ...words, tokens: ids.length, baseline, ablations };
}

interface Under {
  readonly interventions: readonly Intervention[];
  readonly signal: AbortSignal | undefined;
}

async function meanLogprob(subject: Subject, prompt: SubjectPrompt, options: Under & { window: number | undefined }) {
  const { tokens, sumLogprob } = await subject.score(prompt, options);
  return sumLogprob / tokens.filter(({ logprob }) => logprob !== null).length;
}

async function logitAfter(
  subject: Subject,
  ids: readonly number[],
  word: Word,
  against: Word | undefined,
  options: Under,
): Promise<number> {
  const seen = await subject.capture(ids, { sites: ['hidden'], from: ids.length - 1, ...options });
  let logit = 0;
  await subject.unembed(seen.get('hidden')?.data as Float32Array, (_, logits) => {
    logit = (logits[word.id] as number) - (against ? (logits[against.id] as number) : 0);
  });
  return logit;
}
