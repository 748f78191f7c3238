/**
 * One sequence that is being generated: what it reads next, which token it chooses, which text it shows, and when it ends. It computes
 * nothing of the model: whoever owns it reads what `next` wants (src/api/generate.ts, src/scheduler) and hands the result to `take`.
 */
import type { Adapter } from '../adapters/adapter.ts';
import type { SequenceInterventions } from '../interventions/sequence.ts';
import type { Request } from '../runtime/engine.ts';
import type { State } from '../runtime/state.ts';
import { Summaries, type SummaryRequest, type TokenLogprob } from '../runtime/summaries.ts';
import type { SequenceMask } from '../sampler/mask.ts';
import { type History, logSumExp, type Sampler, topLogprobs } from '../sampler/sampler.ts';
import type { TextStream, Tokenizer } from '../tokenizer/tokenizer.ts';
import { type Alternative, type FinishReason, type GenerationStep, withText } from './generation-options.ts';
import { StopText } from './stop-text.ts';

export interface SequenceSettings {
  readonly index: number;
  /** The tokens of the prompt. */
  readonly ids: readonly number[];
  /** The state to continue from; at the end it has read the prompt and all new ids. */
  readonly given: State | undefined;
  readonly under: SequenceInterventions | undefined;
  readonly adapter: Adapter | undefined;
  /** Most tokens to generate. */
  readonly limit: number;
  readonly contextLength: number | undefined;
  readonly sampler: Sampler;
  readonly stops: readonly string[];
  /** Ids that end the text. */
  readonly ends: ReadonlySet<number>;
  readonly tokenizer: Tokenizer | undefined;
  /** Number of most likely tokens to report; undefined for none. */
  readonly alternatives: number | undefined;
  /** What to read instead of logits, when the most likely token is taken. */
  readonly summary: SummaryRequest | undefined;
  /** Which ids may come next. */
  readonly mask?: SequenceMask | undefined;
}

/** What a sampler may look at is all there, so that no processor is silently without it. */
export class GeneratedSequence implements Required<History> {
  /** The prompt, with what a given state had read before it. */
  readonly prompt: readonly number[];
  readonly generated: number[] = [];
  readonly #settings: SequenceSettings;
  readonly #stop: StopText;
  readonly #stream: TextStream | undefined;
  #state: State | undefined;
  #cachedTokens: number | undefined;
  /** What is to be read: pieces of the prompt, or one new token. */
  #pieces: (readonly number[])[];
  #reason: FinishReason | undefined;

  constructor(settings: SequenceSettings) {
    const { given, ids, stops, tokenizer } = settings;
    this.#settings = settings;
    this.prompt = [...(given?.ids ?? []), ...ids];
    this.#pieces = ids.length > 0 ? [ids] : [];
    this.#stop = new StopText(stops);
    this.#stream = tokenizer?.stream({ continues: this.prompt.some((id) => !tokenizer.specialIds.has(id)) });
    if (given) this.#state = given;
  }

  /** The state to continue from; undefined when a temporary one is used, which its owner gives to `begin`. */
  get given(): State | undefined {
    return this.#settings.given;
  }

  get under(): SequenceInterventions | undefined {
    return this.#settings.under;
  }

  get adapter(): Adapter | undefined {
    return this.#settings.adapter;
  }

  /** Most tokens that its state may come to hold. */
  get reach(): number {
    const { limit, contextLength = Number.POSITIVE_INFINITY } = this.#settings;
    return Math.min(contextLength, this.prompt.length + limit);
  }

  /** Most tokens to generate, which the sampler's processors look at. */
  get limit(): number {
    return this.#settings.limit;
  }

  /** Has the whole prompt been read? */
  get isDecoding(): boolean {
    return this.generated.length > 0;
  }

  /**
   * Gives it a state that has read none or the first tokens of the prompt. `points`: ascending lengths of the prompt at which its reading
   * pauses. `cachedTokens`: what to report.
   */
  begin(state: State, { points = [], cachedTokens }: { points?: readonly number[]; cachedTokens?: number } = {}): void {
    const places = [state.length, ...points];
    this.#state = state;
    this.#cachedTokens = cachedTokens;
    if (this.prompt.length > 0) this.#pieces = places.map((from, i) => this.prompt.slice(from, places[i + 1]));
  }

  /** What is to be read next; undefined at the end, when `end` gives the last step. */
  next(): Request | undefined {
    const { limit, summary, under, adapter, given } = this.#settings;
    const state = this.#state as State;
    if (this.generated.length >= limit || this.#isFull) this.#reason ??= 'length';
    const shared = { state, interventions: under, adapter };
    if (!this.#reason)
      return { ...shared, ids: this.#pieces[0] ?? [], rows: this.#pieces.length > 1 ? 'none' : 'last', summary };
    const left = this.#pieces.flat();
    return given && left.length > 0 && !this.#isFull ? { ...shared, ids: left, rows: 'none' } : undefined;
  }

  /** Takes the logits or summaries of what `next` wanted. Returns the step that it made; undefined when the prompt has more pieces. */
  take(output: Float32Array): GenerationStep | undefined {
    if (this.#reason) {
      this.#pieces = [];
      return undefined;
    }
    this.#pieces.shift();
    if (this.#pieces.length > 0) return undefined;
    const { index, ends, tokenizer, alternatives, summary, mask } = this.#settings;
    const { id, logprob, top } = summary ? likeliestOf(output, summary) : this.#chosen(output);
    this.generated.push(id);
    mask?.accept(id);
    this.#pieces = [[id]];
    const ended = ends.has(id);
    const name = !ended && tokenizer?.specialIds.has(id) ? tokenizer.piece(id) : '';
    const shown = ended ? '' : this.#stop.push(this.#stream?.push(id) ?? '');
    const text = shown + this.#stop.push(name, { hidden: true });
    if (ended || this.#stop.found || mask?.complete) this.#reason = 'stop';
    return { index, id, logprob, ...this.#alternatives(top, alternatives), text };
  }

  /** The last step. */
  end(): GenerationStep {
    const { index, sampler } = this.#settings;
    const held = this.#stop.found ? '' : this.#stop.push(this.#stream?.end() ?? '') + this.#stop.end();
    const { seed } = sampler;
    return {
      ...{ index, text: held, finishReason: this.#reason ?? 'length' },
      ...(this.#cachedTokens === undefined ? {} : { cachedTokens: this.#cachedTokens }),
      ...(seed === undefined ? {} : { seed }),
    };
  }

  /** Is the context full, so that the last token cannot be read? */
  get #isFull(): boolean {
    const { contextLength } = this.#settings;
    return this.isDecoding && contextLength !== undefined && this.prompt.length + this.generated.length > contextLength;
  }

  #alternatives(
    top: readonly TokenLogprob[],
    count: number | undefined,
  ): { readonly alternatives?: readonly Alternative[] } {
    return count === undefined ? {} : { alternatives: withText(top.slice(0, count), this.#settings.tokenizer) };
  }

  #chosen(logits: Float32Array): Chosen {
    const { sampler, alternatives = 0, mask } = this.#settings;
    const id = sampler.next(logits, this, mask?.allowed());
    return { id, logprob: (logits[id] as number) - logSumExp(logits), top: topLogprobs(logits, alternatives) };
  }
}

interface Chosen extends TokenLogprob {
  /** The most likely tokens, at least `alternatives` of them. */
  readonly top: readonly TokenLogprob[];
}

function likeliestOf(output: Float32Array, summary: SummaryRequest): Chosen {
  const top = new Summaries(output, summary).top(0);
  return { ...(top[0] as TokenLogprob), top };
}
