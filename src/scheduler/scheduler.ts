/**
 * Continuous batching: serves many requests on one model, in steps that they share. Requests join and leave between steps. Law 2 makes each
 * answer the one that the model gives alone, bit for bit. docs/scheduler.md says how steps are divided, and why.
 */
import { type CaptureOptions, capture } from '../api/capture.ts';
import type { GeneratedSequence } from '../api/generated-sequence.ts';
import { generationCall } from '../api/generation-call.ts';
import type { GenerationStep } from '../api/generation-options.ts';
import { type Model, partsOf } from '../api/model.ts';
import type { ModelParts } from '../api/model-parts.ts';
import { prepareGeneration } from '../api/prepare-generation.ts';
import type { Prompt } from '../api/prompt.ts';
import { type Score, score } from '../api/score.ts';
import { UsageError } from '../base/errors.ts';
import { onAbort } from '../base/on-abort.ts';
import { pause } from '../base/pause.ts';
import { checkOptions } from '../options/check.ts';
import { checkSequences, type Request } from '../runtime/engine.ts';
import { PrefixCache } from '../runtime/prefix-cache.ts';
import { Reader } from '../runtime/reader.ts';
import type { State } from '../runtime/state.ts';
import type { Holding } from '../runtime/state-pool.ts';
import { Bell } from './bell.ts';
import { type EnterOptions, type Entry, type EntryRequest, resolvable } from './entry.ts';
import { QueueFullError, SchedulerClosedError, StateBusyError, StateMemoryError } from './errors.ts';
import { isolatedStep } from './isolated-step.ts';
import { memoryOf, StateMemory } from './memory.ts';
import {
  SCHEDULER_OPTIONS,
  type ScheduledPromptOptions,
  type ScheduledScoreOptions,
  type SchedulerOptions,
} from './options.ts';
import { stepShares } from './shares.ts';
import { branches, isReadBy } from './sharing.ts';
import { Counters, type SchedulerStats } from './stats.ts';
import { StepStream } from './step-stream.ts';
import { GenerationTask, ReadingTask, type Task } from './task.ts';

export class Scheduler {
  readonly model: Model;
  readonly #parts: ModelParts;
  readonly #options: { readonly maxSequences: number; readonly maxWaiting: number };
  readonly #onStep: SchedulerOptions['onStep'];
  readonly #cache: PrefixCache | undefined;
  readonly #memory: StateMemory;
  readonly #reader: Reader<EntryRequest>;
  /** In the order of arrival. */
  #waiting: Entry[] = [];
  readonly #running = new Set<Entry>();
  /** Given states in use, also those of requests that wait. */
  readonly #given = new Set<State>();
  readonly #counters = new Counters();
  #arrivals = 0;
  #closing: 'draining' | 'closed' | undefined;
  /** The loop that runs while there is something to do. */
  #loop: Promise<void> | undefined;
  /** Wakes the loop, which sleeps while all that run are paused. */
  readonly #bell = new Bell();

  /**
   * Several schedulers on one model are possible; each counts the states of the others as memory that it cannot have. Throws UsageError on
   * options that do not fit together.
   */
  constructor(model: Model, options: SchedulerOptions = {}) {
    const { onStep, memory, cacheBytes, ...rest } = checkOptions('a scheduler', options, SCHEDULER_OPTIONS);
    if (rest.stepTokens < rest.maxSequences)
      throw new UsageError(
        `stepTokens came as ${rest.stepTokens}, wanted at least maxSequences, ${rest.maxSequences}: everybody gets a token in each step.`,
      );
    this.model = model;
    this.#parts = partsOf(model);
    this.#options = rest;
    this.#onStep = onStep;
    const { engine } = this.#parts;
    const maxBytes = memoryOf(engine.pool, memory);
    const maxCached = Math.min(maxBytes, cacheBytes ?? maxBytes / 4);
    this.#cache = maxCached > 0 ? new PrefixCache(engine, { maxBytes: maxCached }) : undefined;
    this.#memory = new StateMemory(engine.pool, this.#cache, maxBytes);
    this.#reader = new Reader<EntryRequest>(engine, {
      shares: (open) =>
        stepShares(
          open.map(({ request, left }) => ({ left, arrival: request.entry.arrival })),
          rest,
        ),
      step: (requests) => isolatedStep(engine, requests, this.#given),
    });
  }

  /** Numbers since the beginning, and of now. */
  get stats(): SchedulerStats {
    const { pool } = this.#parts.engine;
    return this.#counters.read({
      running: this.#running.size,
      waiting: this.#waiting.length,
      stateBytes: pool.usedBytes,
      cacheBytes: this.#cache?.bytes ?? 0,
      memoryBytes: this.#memory.maxBytes,
    });
  }

  /**
   * Generates for one prompt: the steps and options of `model.generate`, without `cache`, `interventionsOf` and `adapterOf`. The request
   * enters the queue at once, also before the first step is asked for. Leaving the loop, `return` and `signal` free all that it holds within
   * a step. A state that is given is used by no other request meanwhile; after an abort it has read what the last step read.
   *
   * Throws at the call: UsageError on prompts and options that are wrong, StateMemoryError when there can never be room, StateBusyError when
   * another request uses the state, QueueFullError, SchedulerClosedError. Errors that come later end the loop of this request only.
   */
  generate(
    prompt: Prompt,
    { maxUnread = Number.POSITIVE_INFINITY, ...options }: ScheduledPromptOptions = {},
  ): AsyncGenerator<GenerationStep, void, undefined> {
    this.#checkOpen();
    if (!(maxUnread >= 1)) throw new UsageError(`maxUnread came as ${maxUnread}, wanted a number from 1 on.`);
    for (const name of ['cache', 'interventionsOf', 'adapterOf'] as const)
      if (options[name] !== undefined) throw new UsageError(`a scheduler has no option '${name}' for a request.`);
    const { opened, engine } = this.#parts;
    const call = generationCall(opened, prompt, options);
    if (call.inputs.length !== 1)
      throw new UsageError(`${call.inputs.length} prompts came, wanted one: a scheduler takes a request for each.`);
    if (call.inputs[0]?.ids.length === 0) throw new UsageError('cannot predict after no token: give at least one.');
    const { sequences, signal } = prepareGeneration(engine, call.inputs, opened.tokenizer, call.endIds, call.options);
    const sequence = sequences[0] as GeneratedSequence;
    let entry: Entry | undefined;
    const leave = async () => {
      if (entry) await this.#leave(entry);
    };
    const stream = new StepStream(leave, { maxUnread, onRoom: () => this.#wake() });
    entry = this.#enter(new GenerationTask(sequence, stream), signal);
    return stream;
  }

  /**
   * As `model.score`, in steps that it shares with all other requests. Rejects with what `generate` throws. `keep`: a request that goes on from this
   * text finds it read, as long as the prefix cache has room.
   */
  async score(prompt: Prompt, { keep = false, ...options }: ScheduledScoreOptions = {}): Promise<Score> {
    this.#checkOpen();
    let isQueued = false;
    return score(this.#parts, prompt, options, (request) => {
      const done = this.#read([request], { isQueued, keep });
      isQueued = true;
      return done;
    });
  }

  /**
   * As `model.capture` of a text from its beginning, in steps that it shares with all other requests. What is captured counts as memory while it is
   * read. Rejects with what `generate` throws.
   */
  async capture(prompt: Prompt, options: CaptureOptions): ReturnType<Model['capture']> {
    this.#checkOpen();
    for (const name of ['state', 'replace'] as const)
      if (options[name] !== undefined) throw new UsageError(`a scheduler has no option '${name}' for a capture.`);
    return capture(this.#parts, prompt, options, (pieces, bytes) => this.#read(pieces, { bytes }));
  }

  /** Refuses new requests; resolves when all that are running and waiting have ended. */
  async drain(): Promise<void> {
    this.#closing ??= 'draining';
    while (this.#loop) await this.#loop;
  }

  /** Ends all requests with SchedulerClosedError; resolves when all memory is free. */
  async close(): Promise<void> {
    this.#closing = 'closed';
    const all = [...this.#waiting, ...this.#running];
    for (const entry of all) this.#fail(entry, new SchedulerClosedError('closed'), { atOnce: true });
    while (this.#loop) await this.#loop;
    this.#cache?.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #checkOpen(): void {
    if (this.#closing) throw new SchedulerClosedError(this.#closing);
  }

  /** Reads a text in pieces. */
  #read(pieces: readonly Omit<Request, 'state'>[], options: { keep?: boolean } & EnterOptions): Promise<void> {
    const { engine } = this.#parts;
    checkSequences(engine.model.facts, [{ ids: pieces.flatMap(({ ids }) => Array.from(ids)) }]);
    for (const { adapter } of pieces) adapter?.checkUsable(engine.backend);
    const task = new ReadingTask(pieces, { keep: options.keep ?? false });
    this.#enter(task, pieces[0]?.signal, options);
    return task.done;
  }

  #enter(task: Task, signal: AbortSignal | undefined, { isQueued = false, bytes = 0 }: EnterOptions = {}): Entry {
    if (!isQueued) this.#checkOpen();
    else if (this.#closing === 'closed') throw new SchedulerClosedError('closed');
    const { given, reach } = task;
    const needed = this.#parts.engine.pool.bytesFor(reach) + bytes;
    if (needed > this.#memory.maxBytes) throw new StateMemoryError(reach, needed, this.#memory.maxBytes);
    if (given && this.#given.has(given)) throw new StateBusyError();
    if (!isQueued) this.#checkQueue();
    const { promise, resolve } = resolvable();
    const entry: Entry = { task, needed, arrival: this.#arrivals++, freed: promise, free: resolve, left: false };
    this.#counters.arrived++;
    if (given) this.#given.add(given);
    if (isQueued) this.#waiting.unshift(entry);
    else this.#waiting.push(entry);
    if (signal?.aborted) this.#fail(entry, signal.reason, { atOnce: true });
    else if (signal) entry.unlisten = onAbort(signal, () => this.#fail(entry, signal.reason, { atOnce: true }));
    this.#wake();
    return entry;
  }

  #checkQueue(): void {
    const { maxSequences, maxWaiting } = this.#options;
    const free = Math.max(0, maxSequences - this.#running.size);
    if (this.#waiting.length < maxWaiting + free) return;
    this.#counters.refused++;
    throw new QueueFullError(this.#waiting.length, this.#counters.secondsUntilNextEnd());
  }

  /** Something may be done: a request has come or left, or a reader has taken steps. */
  #wake(): void {
    this.#bell.ring();
    this.#loop ??= this.#run()
      .catch((error: unknown) => {
        // An error of the scheduler itself or of `onStep`: nobody waits for ever.
        for (const entry of [...this.#waiting, ...this.#running]) this.#fail(entry, error);
        for (const entry of this.#running) this.#release(entry);
      })
      .finally(() => {
        this.#loop = undefined;
        if (this.#waiting.length + this.#running.size > 0) this.#wake();
      });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // so that all requests of one turn of the caller begin together
    while (this.#waiting.length + this.#running.size > 0) {
      for (const entry of this.#running) if (entry.left) this.#release(entry);
      await this.#admit();
      const running = this.#running.size;
      for (const entry of this.#running) if (!entry.request && !entry.left && !entry.task.isPaused) this.#goOn(entry);
      if (this.#reader.open > 0) await this.#step();
      else if (this.#running.size === running && this.#isPaused) await this.#bell.heard();
      await pause();
    }
  }

  /** Do all that run wait for their readers? */
  get #isPaused(): boolean {
    return this.#running.size > 0 && [...this.#running].every(({ task, left }) => task.isPaused && !left);
  }

  /** Lets those who wait begin, in order, while there is room. */
  async #admit(): Promise<void> {
    for (const entry of [...this.#waiting]) {
      if (this.#running.size >= this.#options.maxSequences) return;
      if (entry.left || (this.#cache && isReadBy(this.#running, entry.task))) continue;
      const { needed } = entry;
      const { given, reach } = entry.task;
      if (!this.#memory.fits(needed, { given, known: this.#known(entry.task) })) {
        if (this.#running.size > 0) return;
        // Nobody who could make room is left.
        this.#fail(entry, new StateMemoryError(reach, needed, this.#memory.maxBytes, this.#memory.outside));
        continue;
      }
      this.#waiting = this.#waiting.filter((other) => other !== entry);
      this.#running.add(entry);
      try {
        await this.#begin(entry);
      } catch (error) {
        this.#fail(entry, error);
      }
    }
  }

  /** What a request would copy from the prefix cache. */
  #known({ prompt, under }: Task): Holding | undefined {
    const found = prompt && this.#cache?.find(prompt, under);
    return found && { length: found.length, pages: found.state.pages, slot: undefined };
  }

  async #begin(entry: Entry): Promise<void> {
    const { task } = entry;
    const cache = this.#cache;
    const { prompt, given, under } = task;
    if (given) {
      entry.state = given;
    } else if (cache && prompt) {
      const state = await cache.take(prompt, under);
      entry.state = state;
      entry.cachedTokens = state.length;
      this.#counters.cachedTokens += state.length;
      const points = new Set([...cache.pointsIn(prompt, state), ...branches(task, state, this.#waiting)]);
      entry.points = [...points].sort((a, b) => a - b);
      task.begin(state, { points: entry.points, cachedTokens: state.length });
    } else {
      entry.state = this.#parts.engine.newState();
      task.begin(entry.state);
    }
    this.#memory.reserve(entry.state, entry.needed);
  }

  /** Hands to the reader what a request reads next, or ends it. */
  #goOn(entry: Entry): void {
    try {
      const next = entry.task.next();
      if (next) {
        entry.request = { ...next, entry };
        this.#reader.add(entry.request);
        return;
      }
      entry.task.end();
      this.#counters.ended();
      this.#release(entry);
    } catch (error) {
      this.#fail(entry, error);
      this.#release(entry);
    }
  }

  async #step(): Promise<void> {
    const before = this.#tokensRead();
    const started = performance.now();
    const done = await this.#reader.round();
    const elapsedMs = performance.now() - started;
    for (const { request, output, failure } of done) {
      const { entry } = request;
      entry.request = undefined;
      if (entry.left) continue;
      if (failure) this.#fail(entry, failure.error);
      else
        try {
          const { isDecoding, prompt } = entry.task;
          const isAtPoint = entry.task.take(output);
          const isRead = prompt && entry.task.isDecoding && !isDecoding;
          if (isAtPoint || (isRead && request.state.rewindable)) await this.#cache?.keepCopy(request.state);
        } catch (error) {
          this.#fail(entry, error);
        }
    }
    const read = this.#counters.stepped(before, elapsedMs);
    this.#memory.trim();
    this.#onStep?.(read);
  }

  /** Tokens that the next step may read, by request, as they stand now. */
  #tokensRead(): Map<State, { readonly length: number; readonly decodes: boolean }> {
    return new Map(
      [...this.#running].flatMap(({ state, task }) =>
        state ? [[state, { length: state.length, decodes: task.isDecoding }] as const] : [],
      ),
    );
  }

  /** Ends a request with an error. What it holds is freed before the next step. */
  #fail(entry: Entry, error: unknown, options?: { readonly atOnce?: boolean }): void {
    if (entry.left) return;
    this.#counters.failed++;
    entry.task.fail(error, options);
    this.#abandon(entry);
  }

  async #leave(entry: Entry): Promise<void> {
    if (!entry.left) {
      this.#counters.abandoned++;
      this.#abandon(entry);
    }
    await entry.freed;
  }

  #abandon(entry: Entry): void {
    entry.left = true;
    if (!this.#running.has(entry)) this.#release(entry);
    this.#bell.ring();
  }

  /** Frees all that a request holds; called between steps only, when it has begun. */
  #release(entry: Entry): void {
    const { task, state, request } = entry;
    entry.left = true;
    entry.unlisten?.();
    if (request) this.#reader.drop(request);
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    this.#running.delete(entry);
    if (task.given) this.#given.delete(task.given);
    if (state) {
      this.#memory.release(state);
      if (!task.given) {
        if (this.#cache && task.isKept) this.#cache.keep(state);
        else state.dispose();
      }
    }
    entry.free();
  }
}
