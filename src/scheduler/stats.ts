/** What a scheduler counts. */
import type { State } from '../runtime/state.ts';
import type { StepReport } from './options.ts';

export interface SchedulerStats {
  /** Requests that are computed now. */
  readonly running: number;
  readonly waiting: number;
  /** Bytes of all states of the model now, those of others included; shared memory counts once. */
  readonly stateBytes: number;
  /** Bytes of the prefix cache now; some may be shared with running requests. */
  readonly cacheBytes: number;
  /** Most bytes of states. */
  readonly memoryBytes: number;
  /** Requests so far. A text that is scored in windows counts once for each. */
  readonly arrived: number;
  readonly ended: number;
  /** Ended by an error, their signal's included. */
  readonly failed: number;
  /** Left by their readers before the end. */
  readonly abandoned: number;
  /** Refused because too many waited. */
  readonly refused: number;
  readonly steps: number;
  /** Tokens of prompts that were read. */
  readonly promptTokens: number;
  /** Tokens of prompts that were in the prefix cache. */
  readonly cachedTokens: number;
  /** Steps of sequences that decode: tokens that were generated, but for the first of each request. */
  readonly generatedTokens: number;
  /** Time in steps. */
  readonly busyMs: number;
}

type Now = Pick<SchedulerStats, 'running' | 'waiting' | 'stateBytes' | 'cacheBytes' | 'memoryBytes'>;

/** Weight of the newest interval in the mean. */
const NEWEST = 0.2;

export class Counters {
  arrived = 0;
  failed = 0;
  abandoned = 0;
  refused = 0;
  cachedTokens = 0;
  #ended = 0;
  #steps = 0;
  #promptTokens = 0;
  #generatedTokens = 0;
  #busyMs = 0;
  /** Mean time in steps from one end to the next, and time since the last. */
  #intervalMs: number | undefined;
  #sinceEndMs = 0;

  read(now: Now): SchedulerStats {
    const { arrived, failed, abandoned, refused, cachedTokens } = this;
    return {
      ...now,
      ...{ arrived, failed, abandoned, refused, cachedTokens },
      ...{ ended: this.#ended, steps: this.#steps, promptTokens: this.#promptTokens },
      ...{ generatedTokens: this.#generatedTokens, busyMs: this.#busyMs },
    };
  }

  ended(): void {
    this.#ended++;
    this.#intervalMs =
      this.#intervalMs === undefined ? this.#sinceEndMs : (1 - NEWEST) * this.#intervalMs + NEWEST * this.#sinceEndMs;
    this.#sinceEndMs = 0;
  }

  /** `before`: the states of running requests before the step. */
  stepped(
    before: ReadonlyMap<State, { readonly length: number; readonly decodes: boolean }>,
    elapsedMs: number,
  ): StepReport {
    let [promptTokens, generatedTokens] = [0, 0];
    for (const [state, { length, decodes }] of before) {
      const read = Math.max(0, state.length - length);
      if (decodes) generatedTokens += read;
      else promptTokens += read;
    }
    this.#steps++;
    this.#promptTokens += promptTokens;
    this.#generatedTokens += generatedTokens;
    this.#busyMs += elapsedMs;
    this.#sinceEndMs += elapsedMs;
    return { promptTokens, generatedTokens, elapsedMs };
  }

  /** Until the next request ends, by the mean; at least 1 and at most 60. */
  secondsUntilNextEnd(): number {
    const seconds = Math.ceil((this.#intervalMs ?? this.#sinceEndMs) / 1000);
    return Math.min(60, Math.max(1, seconds));
  }
}
