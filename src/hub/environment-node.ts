/**
 * Settings of the hub in environment variables. They are those of the Python tool, so that both share a cache, a token and a mirror:
 * https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { expand } from './expand-node.ts';
import { HUB } from './reference.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of downloads. */
export function cacheDirectory(env: Environment = process.env): string {
  return expand(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home(env), 'hub'), env);
}

/** The hub's address, without a final slash. Throws UsageError when it is not an http address. */
export function hubEndpoint(given: string | undefined, env: Environment = process.env): string {
  const text = (given || env.HF_ENDPOINT || HUB).replace(/\/+$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new UsageError(
      `the hub's address came as '${publicPart(text)}', wanted one such as ${HUB} without name, password or query; see HF_ENDPOINT.`,
    );
  return text;
}

/** An address without name, password and query, for messages. */
export function publicPart(address: string): string {
  if (!URL.canParse(address) || !/^https?:\/\//i.test(address)) return address.includes('@') ? '(no address)' : address;
  const { protocol, host, pathname, username, search, hash } = new URL(address);
  const path = pathname === '/' ? '' : pathname;
  return `${protocol}//${username ? '...@' : ''}${host}${path}${search || hash ? '?...' : ''}`;
}

/** The token: `given` (empty: none), or HF_TOKEN, or the file written by logging in. */
export function hubToken(given: string | undefined, env: Environment = process.env): string | undefined {
  const implied = () =>
    isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)
      ? undefined
      : env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim() || readToken(env);
  const token = (given ?? implied())?.trim();
  // Checked here because fetch would print the token in its complaint.
  if (token && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('the hub token has characters that no token has; look at HF_TOKEN (its value is not shown).');
  return token || undefined;
}

export function isOffline(given: boolean | undefined, env: Environment = process.env): boolean {
  return given ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE);
}

/** Should snapshots contain the files themselves, as on disks without symbolic links? */
export function withoutSymlinks(env: Environment = process.env): boolean {
  return isTrue(env.HF_HUB_DISABLE_SYMLINKS);
}

function home(env: Environment): string {
  return expand(env.HF_HOME || join(env.XDG_CACHE_HOME || join('~', '.cache'), 'huggingface'), env);
}

function readToken(env: Environment): string | undefined {
  try {
    return readFileSync(expand(env.HF_TOKEN_PATH || join(home(env), 'token'), env), 'utf8').trim();
  } catch {
    return undefined; // never logged in
  }
}

function isTrue(value: string | undefined): boolean {
  return /^(?:1|on|yes|true)$/i.test(value ?? '');
}
