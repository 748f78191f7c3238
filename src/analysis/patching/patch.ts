/**
 * Activation patching (Meng et al. 2022, arXiv 2202.05262; Zhang and Nanda 2024, arXiv 2309.16042): a model reads one prompt while a single value
 * is set to what it is with another prompt. What the value carries is seen by how far the prediction follows.
 */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, oneOf, option } from '../../options/option.ts';
import { findMetric, METRIC_OPTIONS, type Metric, measured } from '../metric.ts';
import { findPosition, positionList } from '../positions.ts';
import { hasHeads, type Rows, rowAt, rowSites, rowsOf } from '../row-sites.ts';
import type { Subject, SubjectPrompt, SubjectRun } from '../subject.ts';
import { SWEEP_OPTIONS, sweep } from '../sweep.ts';
import { type Vocabulary, type Word, wordsOf } from '../words.ts';

const DIRECTIONS = ['denoise', 'noise'] as const;

export const PATCH_OPTIONS = {
  ...METRIC_OPTIONS,
  sites: option(kinds.texts, 'sites whose values are exchanged, * for any part', ['blocks.*.residPre']),
  positions: option(positionList, 'places in the text, from 0 on; -1 is the last (default: all)'),
  perHead: option(kinds.flag, 'each head by itself, where a site has some', false),
  direction: option(
    oneOf<(typeof DIRECTIONS)[number]>(DIRECTIONS),
    'denoise: the corrupted prompt is read with clean values; noise: the clean one with corrupted values',
    'denoise',
  ),
  ...SWEEP_OPTIONS,
};

export interface PatchOptions extends OptionsOf<typeof PATCH_OPTIONS> {
  readonly clean: SubjectPrompt;
  readonly corrupted: SubjectPrompt;
}

/** One site, or one head of it. */
export interface PatchedSite {
  readonly site: string;
  readonly head?: number | undefined;
  /** What was measured with the value at each of the positions exchanged. */
  readonly values: readonly number[];
  /** How far the prediction went from the prompt that was read (0) to the one that the value came from (1). */
  readonly effects: readonly number[];
}

export interface Patching {
  readonly clean: readonly Word[];
  readonly corrupted: readonly Word[];
  readonly metric: Metric;
  readonly direction: (typeof DIRECTIONS)[number];
  /** What was measured of both prompts as they are. */
  readonly cleanValue: number;
  readonly corruptedValue: number;
  readonly positions: readonly number[];
  readonly sites: readonly PatchedSite[];
}

/** Two values of what is measured that are closer, as a share of the larger, are taken as equal. */
const EQUAL = 1e-5;

/** What is exchanged, found before the weights are loaded. Throws UsageError on what does not exist, and on prompts of different length. */
export function checkPatch(
  subject: Vocabulary & Pick<Subject, 'sites'>,
  { clean, corrupted }: { readonly clean: readonly number[]; readonly corrupted: readonly number[] },
  given: Omit<PatchOptions, 'clean' | 'corrupted'>,
) {
  const options = checkOptions('patchActivations', given, PATCH_OPTIONS);
  checkAligned(subject, clean, corrupted);
  const { positions = clean.map((_, i) => i) } = options;
  return {
    metric: findMetric(subject, options),
    sites: rowSites(subject.sites, options.sites),
    positions: positions.map((one) => findPosition(one, clean.length)),
  };
}

function checkAligned(vocabulary: Vocabulary, clean: readonly number[], corrupted: readonly number[]): void {
  if (clean.length === 0 || corrupted.length === 0) throw new UsageError('a prompt is empty; give at least one token.');
  if (clean.length !== corrupted.length)
    throw new UsageError(
      `the clean prompt has ${clean.length} tokens and the corrupted one ${corrupted.length}; values are exchanged place by place, so both need as many. ` +
        `Clean: ${pieces(vocabulary, clean)}. Corrupted: ${pieces(vocabulary, corrupted)}. Choose words that are as many tokens.`,
    );
  if (clean.every((id, i) => id === corrupted[i]))
    throw new UsageError('the clean and the corrupted prompt are the same; change a word in one of them.');
}

const pieces = (vocabulary: Vocabulary, ids: readonly number[]): string =>
  wordsOf(vocabulary, ids)
    .map(({ id, text }) => (text === '' ? `${id}` : JSON.stringify(text)))
    .join(' ');

interface Cell {
  readonly site: string;
  readonly head?: number | undefined;
  readonly positions: readonly number[];
}

/** Throws UsageError as checkPatch does, and when both prompts give the same value: there is nothing to follow. */
export async function patchActivations(subject: Subject, options: PatchOptions): Promise<Patching> {
  const { clean: cleanPrompt, corrupted: corruptedPrompt, ...given } = options;
  const { signal, onProgress, direction, perHead } = checkOptions('patchActivations', given, PATCH_OPTIONS);
  const [clean, corrupted] = [subject.encode(cleanPrompt), subject.encode(corruptedPrompt)];
  const { metric, sites, positions } = checkPatch(subject, { clean, corrupted }, given);
  const [base, source] = direction === 'denoise' ? [corrupted, clean] : [clean, corrupted];
  const ends = (await subject.lastLogits([{ prompt: base }, { prompt: source }], { signal })).map((logits) =>
    measured(metric, logits),
  );
  const [from, to] = ends as [number, number];
  if (Math.abs(to - from) <= EQUAL * Math.max(1, Math.abs(to), Math.abs(from)))
    throw new UsageError(
      `both prompts give the same ${metric.kind === 'difference' ? 'difference of logits' : metric.kind} (${from.toPrecision(4)}): ` +
        'there is nothing that an exchanged value could bring back. Choose other words or prompts.',
    );
  const captured = await subject.capture(source, { sites: sites.map(({ name }) => name), signal });
  const rows = new Map([...captured].map(([name, value]) => [name, rowsOf(name, value)]));
  const cells = sites.flatMap((site): Cell[] => {
    const heads = perHead && hasHeads(site) ? ((rows.get(site.name) as Rows).shape[0] as number) : undefined;
    if (heads === undefined) return [{ site: site.name, positions }];
    return Array.from({ length: heads }, (_, head) => ({ site: site.name, head, positions }));
  });
  // Up to the first token that differs, both prompts have the same values.
  const different = base.findIndex((id, i) => id !== source[i]);
  const runs: SubjectRun[] = cells.flatMap((cell) =>
    positions
      .filter((position) => position >= different)
      .map((position) => ({ prompt: base, interventions: [exchange(cell, rows, position)] })),
  );
  const found = await sweep(subject, runs, base.length, (logits) => measured(metric, logits), { signal, onProgress });
  let next = 0;
  const patched = cells.map(({ site, head }): PatchedSite => {
    const values = positions.map((position) => (position >= different ? (found[next++] as number) : from));
    return {
      ...{ site, values, effects: values.map((value) => (value === from ? 0 : (value - from) / (to - from))) },
      ...(head === undefined ? {} : { head }),
    };
  });
  const [cleanValue, corruptedValue] = direction === 'denoise' ? [to, from] : [from, to];
  const words = { clean: wordsOf(subject, clean), corrupted: wordsOf(subject, corrupted) };
  return { ...words, metric, direction, cleanValue, corruptedValue, positions, sites: patched };
}

const exchange = ({ site, head }: Cell, rows: ReadonlyMap<string, Rows>, position: number) => ({
  ...{ site, set: rowAt(rows.get(site) as Rows, position), positions: [position] },
  ...(head === undefined ? {} : { heads: [head] }),
});
