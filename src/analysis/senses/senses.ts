/** `model.senses`: all that can be asked of the senses of a model, and the edits that can be made of them. */
import type { SubjectPrompt } from '../subject.ts';
import type { WordOption } from '../words.ts';
import type { Bias, BiasOptions, Leaning, LeaningsOptions } from './bias.ts';
import { type DecomposeOptions, type Decomposition, decompose } from './decompose.ts';
import { editKnowledge, type KnowledgeEdit, type SenseEdit, scaleSense, swapSenses } from './edit.ts';
import { type Lookup, type LookupOptions, lookUp } from './lookup.ts';
import type { Nearest, NearestOptions } from './nearest.ts';
import type { PairOptions, PairScores } from './pair-scores.ts';
import { type Similarities, similarities } from './similarity.ts';
import type { SenseSource } from './source.ts';
import type { TopicControl, TopicOptions } from './topic.ts';
import { encodeWord } from './word.ts';
import type { WordPair } from './word-pairs.ts';
import { type Pieces, wordVectors } from './word-vectors.ts';

/** What few pages want is loaded when it is asked for: measures, neighbours and topics are a third of it. */
export class Senses {
  readonly #source: SenseSource;

  constructor(source: SenseSource) {
    this.#source = source;
  }

  /** Z, senses of each token. */
  get count(): number {
    return this.#source.senseCount;
  }

  /** Factor of the weighted sum of senses that the head reads. */
  get scale(): number {
    return this.#source.senseScale;
  }

  /** Sense vectors [n, Z, M] of these tokens, which are the same wherever a token stands. */
  vectors(ids: ArrayLike<number>): Promise<Float32Array> {
    return this.#source.senseVectors(ids);
  }

  /** The tokens that each sense of a word makes likelier and less likely, with logits. Of a word of several tokens, the senses of the first. */
  lookup(word: WordOption, options?: LookupOptions): Promise<Lookup> {
    return lookUp(this.#source, word, options);
  }

  /** How alike two words are, by each sense and by all. */
  async similarity(a: WordOption, b: WordOption, { pieces }: { readonly pieces?: Pieces } = {}): Promise<Similarities> {
    const [one, other] = [await wordVectors(this.#source, a, pieces), await wordVectors(this.#source, b, pieces)];
    return similarities(one.vectors, other.vectors, this.count);
  }

  /** The most alike words of the vocabulary, for each of these words. */
  async nearest(words: readonly WordOption[], options?: NearestOptions): Promise<Nearest[]> {
    const { nearestWords } = await import('./nearest.ts');
    return nearestWords(this.#source, words, options);
  }

  /** Agreement with people's judgements of word pairs, such as readWordPairs reads from a file. */
  async scorePairs(pairs: readonly WordPair[], options?: PairOptions): Promise<PairScores> {
    const { scorePairs } = await import('./pair-scores.ts');
    return scorePairs(this.#source, pairs, options);
  }

  /** A logit, or the difference of two, as a sum over senses and tokens. */
  decompose(prompt: SubjectPrompt, options: DecomposeOptions): Promise<Decomposition> {
    return decompose(this.#source, prompt, options);
  }

  /** How much likelier one word is than another after sentences about occupations, and how much of that one sense makes. */
  async bias(options?: BiasOptions): Promise<Bias> {
    const { measureBias } = await import('./bias.ts');
    return measureBias(this.#source, options);
  }

  /** How one word leans after each of some prompts; `bias` makes ratios of it. */
  async leanings(word: string, options: LeaningsOptions): Promise<Leaning[]> {
    const { leaningsOf } = await import('./bias.ts');
    return leaningsOf(this.#source, word, options);
  }

  /** Tokens of a word as it stands within a sentence. */
  tokensOf(word: string): readonly number[] {
    return encodeWord(this.#source, word).ids;
  }

  /** Weighs senses by a topic in every step of a generation; see generateOnTopic. */
  async topic(words: readonly WordOption[], options?: TopicOptions): Promise<TopicControl> {
    const { topicControl } = await import('./topic.ts');
    return topicControl(this.#source, words, options);
  }

  /** An intervention that multiplies how much a sense of a word counts; 0 removes it. */
  scaled(word: WordOption, sense: number, scale: number): SenseEdit {
    return scaleSense(this.#source, word, sense, scale);
  }

  /** An intervention after which a word has to do with one word in place of another. */
  edited(edit: KnowledgeEdit): Promise<SenseEdit> {
    return editKnowledge(this.#source, edit);
  }

  /** An intervention that gives a word some senses of another. */
  swapped(swap: {
    readonly word: WordOption;
    readonly from: WordOption;
    readonly senses: readonly number[];
  }): Promise<SenseEdit> {
    return swapSenses(this.#source, swap);
  }
}
