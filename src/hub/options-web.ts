/** The option `hub` in browsers. */
import { call, kinds, type OptionsOf } from '../options/option.ts';
import type { OnProgress } from './progress.ts';
import { RETRY_OPTIONS, type RetryOptions } from './retries.ts';

export const HUB_OPTIONS = {
  /** Sent to the hub only, and never stored. */
  token: kinds.text,
  /** Address of the hub; default https://huggingface.co. */
  endpoint: kinds.text,
  /** Use what is stored only, without a request. */
  offline: kinds.flag,
  /** False: store nothing, and read the files by ranges. Default: store them where the browser can. */
  cache: kinds.flag,
  /** Called with the bytes of all files of the download; `loaded` never decreases and ends at `total`. */
  onProgress: call<OnProgress>(),
  ...RETRY_OPTIONS,
};

export interface HubOptions extends RetryOptions, OptionsOf<typeof HUB_OPTIONS> {}

/** The header that carries a token. */
export const authorizationOf = (token: string | undefined): Readonly<Record<string, string>> =>
  token ? { Authorization: `Bearer ${token}` } : {};
