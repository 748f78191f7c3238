/** Options of the server. */
import { kinds, type OptionsOf, option } from '../options/option.ts';

export const SERVER_OPTIONS = {
  /** The key that requests have to show. Without one, everyone may use the server. */
  apiKey: option(kinds.text, 'key that requests have to show'),
  /** Origins of pages that browsers let use this server; `*` for all. */
  cors: option(kinds.texts, 'origin of pages that may use the server from a browser; * for all', []),
  /** Bytes of one request. */
  maxBodyBytes: option(kinds.bytes, 'bytes that a request may have', 16e6),
  /** Tokens of one prompt; default: the context of the model. */
  maxPromptTokens: option(kinds.fromOne, "tokens that a prompt may have (default: the model's context)"),
  /** Tokens of one answer. */
  maxNewTokens: option(kinds.fromOne, 'tokens that an answer may have', 4096),
  /** Answers of one request: prompts times n, or times best_of. */
  maxChoices: option(kinds.fromOne, 'answers that one request may ask for: prompts times n', 128),
  /** Alternatives that logprobs and top_logprobs may ask for. */
  maxLogprobs: option(kinds.fromZero, 'alternatives that logprobs may ask for', 20),
  /** Seconds until a request ends with an error. */
  requestSeconds: option(kinds.positive, 'seconds that a request may take', 600),
  /** Answers that a single request may have computed at once; the others of it wait. */
  requestParallel: option(kinds.fromOne, 'answers of one request that are computed at once', 16),
  /** Turns on /v1/capture, which gives values from inside of a model. */
  capture: option(kinds.flag, 'turn on /v1/capture', false),
  /** Bytes of the values of one request to /v1/capture; two are answered at a time. */
  maxCaptureBytes: option(kinds.bytes, 'bytes of values that one capture may give', 256e6),
  /** Also logs prompts and answers. */
  logPrompts: option(kinds.flag, 'log prompts and answers too', false),
  /** Sessions that are kept at the same time; the least recently used goes first. */
  maxSessions: option(kinds.fromZero, 'sessions kept at the same time', 64),
};

export interface ServerOptions extends OptionsOf<typeof SERVER_OPTIONS> {}
