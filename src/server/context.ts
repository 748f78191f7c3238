/** What endpoints work with. */
import type { FilledOptions } from '../options/option.ts';
import type { Gate } from './http/gate.ts';
import type { ServedModel } from './models/served-model.ts';
import type { SERVER_OPTIONS } from './options.ts';
import type { Sessions } from './sessions/sessions.ts';

export type Limits = FilledOptions<typeof SERVER_OPTIONS>;

/** Counts what is done, for /metrics. */
export interface Meter {
  tokens(model: string, counts: { readonly prompt: number; readonly cached: number; readonly generated: number }): void;
  firstToken(model: string, seconds: number): void;
  betweenTokens(model: string, seconds: number): void;
}

/** Facts of one request for the log. */
export interface RequestNotes {
  model?: string;
  promptTokens?: number;
  cachedTokens?: number;
  newTokens?: number;
  prompts?: readonly unknown[];
  answers?: readonly string[];
}

export interface ServerContext {
  readonly models: readonly ServedModel[];
  readonly limits: Limits;
  readonly sessions: Sessions;
  readonly meter: Meter | undefined;
  /** Lets so many captures through at a time as memory is meant for. */
  readonly captures: Gate;
}

/** One request on its way. */
export interface Call {
  readonly context: ServerContext;
  readonly body: Readonly<Record<string, unknown>>;
  /** Aborted when the client goes away, or the time is over. */
  readonly signal: AbortSignal;
  /** Ends the work of this request. */
  readonly abort: AbortController;
  readonly notes: RequestNotes;
  /** For answers that are sent piece by piece: an error after the beginning, and the end. */
  readonly onError: (error: unknown) => void;
  readonly onEnd: () => void;
}
