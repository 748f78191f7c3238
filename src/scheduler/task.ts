/** What a scheduler serves: a text that is generated, or one that is only read. */
import type { GeneratedSequence } from '../api/generated-sequence.ts';
import { bothTraces, type Traces } from '../interventions/provenance.ts';
import type { Request } from '../runtime/engine.ts';
import type { State } from '../runtime/state.ts';
import type { StepStream } from './step-stream.ts';

export interface Task {
  /** A state from outside, which it continues and which it does not own. */
  readonly given: State | undefined;
  /** Most tokens that its state may come to hold. */
  readonly reach: number;
  /** Text to look up in the prefix cache; undefined for none. */
  readonly prompt: readonly number[] | undefined;
  readonly under: Traces | undefined;
  /** Does its state go into the prefix cache at the end? */
  readonly isKept: boolean;
  /** Is its prompt read, so that its tokens are new ones? */
  readonly isDecoding: boolean;
  /** Does it wait until its reader has taken some of its steps? */
  readonly isPaused: boolean;
  begin(state: State, options?: { points?: readonly number[]; cachedTokens?: number }): void;
  /** What it reads next; undefined when it has ended. */
  next(): Request | undefined;
  /** Takes the result of what it read. True when the state stands at a point of the prompt of which a copy is kept. */
  take(output: Float32Array): boolean;
  end(): void;
  fail(error: unknown, options?: { readonly atOnce?: boolean }): void;
}

export class GenerationTask implements Task {
  readonly #sequence: GeneratedSequence;
  readonly #stream: StepStream;

  constructor(sequence: GeneratedSequence, stream: StepStream) {
    this.#sequence = sequence;
    this.#stream = stream;
  }

  get given(): State | undefined {
    return this.#sequence.given;
  }

  get reach(): number {
    return this.#sequence.reach;
  }

  get prompt(): readonly number[] | undefined {
    return this.given ? undefined : this.#sequence.prompt;
  }

  get isKept(): boolean {
    return !this.given;
  }

  get under(): Traces | undefined {
    return bothTraces(this.#sequence.adapter, this.#sequence.under);
  }

  get isDecoding(): boolean {
    return this.#sequence.isDecoding;
  }

  get isPaused(): boolean {
    return this.#stream.isFull;
  }

  begin(state: State, options?: { points?: readonly number[]; cachedTokens?: number }): void {
    this.#sequence.begin(state, options);
  }

  next(): Request | undefined {
    return this.#sequence.next();
  }

  take(output: Float32Array): boolean {
    const step = this.#sequence.take(output);
    if (step) this.#stream.push(step);
    return !step && !this.given;
  }

  end(): void {
    this.#stream.push(this.#sequence.end());
    this.#stream.end();
  }

  fail(error: unknown, options?: { readonly atOnce?: boolean }): void {
    this.#stream.fail(error, options);
  }
}

/** Reads the pieces of a text with a state of its own; what they give goes to `visit` and `tap` of the requests. */
export class ReadingTask implements Task {
  readonly given = undefined;
  readonly prompt = undefined;
  readonly isDecoding = false;
  readonly isPaused = false;
  readonly isKept: boolean;
  readonly done: Promise<void>;
  readonly #pieces: readonly Omit<Request, 'state'>[];
  #state: State | undefined;
  #read = 0;
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

  /** `keep`: its state goes into the prefix cache. */
  constructor(pieces: readonly Omit<Request, 'state'>[], { keep }: { readonly keep: boolean }) {
    this.#pieces = pieces;
    this.isKept = keep;
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  get reach(): number {
    return this.#pieces.reduce((sum, { ids }) => sum + ids.length, 0);
  }

  get under(): Traces | undefined {
    const [first] = this.#pieces;
    return bothTraces(first?.adapter, first?.interventions);
  }

  begin(state: State): void {
    this.#state = state;
  }

  next(): Request | undefined {
    const piece = this.#pieces[this.#read];
    return piece && { ...piece, signal: undefined, state: this.#state as State };
  }

  take(): boolean {
    this.#read++;
    return false;
  }

  end(): void {
    this.#settle?.resolve();
  }

  fail(error: unknown): void {
    this.#settle?.reject(error);
  }
}
