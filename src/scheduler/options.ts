/** The options of a scheduler. */
import type { PromptOptions } from '../api/generation-call.ts';
import type { ScoreOptions } from '../api/score.ts';
import { call, kinds, type OptionsOf, option } from '../options/option.ts';

/** What one step read, and how long it took. */
export interface StepReport {
  /** Tokens of prompts and of texts that are scored. */
  readonly promptTokens: number;
  /** Tokens that were generated earlier, one of each sequence. */
  readonly generatedTokens: number;
  readonly elapsedMs: number;
}

export const SCHEDULER_OPTIONS = {
  /** Most requests that are read and generated at the same time; further ones wait. */
  maxSequences: option(kinds.fromOne, 'requests that are computed at the same time', 32),
  /** Most requests that wait; further ones are refused with QueueFullError. */
  maxWaiting: option(kinds.fromZero, 'requests that may wait; further ones are refused', 256),
  /**
   * Bytes that the states of all requests, of the prefix cache and of everybody else who uses this model may take together. A request begins
   * when all that it may come to need is free. Default: the model's maxStateBytes, or else 2 GiB.
   */
  memory: option(kinds.bytes, 'bytes that all states may take together (default: --max-state, or else 2 GiB)'),
  /** Most tokens in one step. At least maxSequences. */
  stepTokens: option(kinds.fromOne, 'tokens that are read in one step', 256),
  /** Most tokens of prompts in a step in which somebody decodes: they delay everybody's next token. */
  promptTokens: option(kinds.fromOne, 'tokens of prompts in a step that others wait for', 64),
  /** Bytes that the prefix cache may take of `memory`; 0: none. Default: a quarter of `memory`. */
  cacheBytes: option(kinds.bytes, 'bytes for states of earlier prompts (default: a quarter of the memory of states)'),
  /** Called after each step. */
  onStep: call<(step: StepReport) => void>(),
};

/** Options of `generate` of a scheduler. */
export interface ScheduledPromptOptions extends PromptOptions {
  /**
   * Most steps that wait for their reader; from then on the sequence pauses until some are taken. It keeps its place and its memory meanwhile, so let no
   * reader wait for another. Default: all that there may be.
   */
  readonly maxUnread?: number;
}

/** Options of `score` of a scheduler. */
export interface ScheduledScoreOptions extends ScoreOptions {
  /** Keep the state in the prefix cache. */
  readonly keep?: boolean;
}

export interface SchedulerOptions extends OptionsOf<typeof SCHEDULER_OPTIONS> {}
