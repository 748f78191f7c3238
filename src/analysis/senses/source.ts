/** Where the analyses of senses get their numbers from. A loaded model offers it; so can a worker, or a table in a file. */
import { call, kinds, type OptionsOf } from '../../options/option.ts';
import type { Subject } from '../subject.ts';

/** Z vectors of M numbers for each token, which depend on its id alone. */
export interface SenseSource extends Pick<Subject, 'facts' | 'tokenizer' | 'encode' | 'capture' | 'unembed'> {
  readonly senseCount: number;
  /** Factor of the weighted sum of senses that the head reads: 1, or 1 / Z where a model was trained so. */
  readonly senseScale: number;
  /** ids[n] -> sense vectors [n, Z, M] */
  senseVectors(ids: ArrayLike<number>): Promise<Float32Array>;
  /** ids[n] -> rows of the head [n, M]: the score of a token is its row times what the head reads. */
  headRows(ids: ArrayLike<number>): Promise<Float32Array>;
}

/** What is reported while something long runs: how much is done of how much, in whatever unit the caller names. */
export interface WorkProgress {
  readonly done: number;
  readonly total: number;
}

export const WATCHED = {
  signal: kinds.signal,
  /** Told how much is done, every second or more often. */
  onProgress: call<(progress: WorkProgress) => void>(),
};

export interface Watched extends OptionsOf<typeof WATCHED> {}

/** Tokens whose senses are computed at once: enough that weights are read rarely, few enough that they take little memory. */
const PIECE = 128;

/** Lets timers and signals in: computing on one thread never waits for anything. */
export const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Sense vectors [n, Z, M] of many tokens, some at a time, in order. */
export async function* sensePieces(
  source: SenseSource,
  ids: Iterable<number>,
  { signal, onProgress }: Watched = {},
): AsyncGenerator<{ readonly ids: readonly number[]; readonly vectors: Float32Array }> {
  const all = Array.from(ids);
  onProgress?.({ done: 0, total: all.length });
  for (let at = 0; at < all.length; at += PIECE) {
    if (at > 0) await breathe();
    signal?.throwIfAborted();
    const some = all.slice(at, at + PIECE);
    yield { ids: some, vectors: await source.senseVectors(some) };
    onProgress?.({ done: at + some.length, total: all.length });
  }
}

type Tokens = Pick<Subject, 'facts' | 'tokenizer'>;

/** Ids that have a text of their own: rows beyond the tokenizer's are padding. */
export function textIds({ facts, tokenizer }: Tokens): number[] {
  const count = Math.min(facts.vocabSize, tokenizer?.vocabSize ?? facts.vocabSize);
  return Array.from({ length: count }, (_, id) => id).filter((id) => tokenizer?.piece(id) !== '');
}

/** Those among them that are no special tokens, such as an end of text. */
export function wordIds(subject: Tokens): number[] {
  return textIds(subject).filter((id) => !subject.tokenizer?.specialIds.has(id));
}

export const pieceOf = ({ tokenizer }: Tokens, id: number): string => tokenizer?.piece(id) ?? `#${id}`;
