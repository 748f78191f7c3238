/** Describes how this process would use the hub, for reports. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cacheDirectory, type Environment, hubEndpoint, hubToken, isOffline, publicPart } from './environment-node.ts';
import { proxyFor } from './proxy-node.ts';

export interface HubDescription {
  readonly cacheDir: string;
  /** Free bytes of the disk with the cache; undefined when unknown. */
  readonly freeBytes: number | undefined;
  readonly endpoint: string | undefined;
  /** Is there a token, in the environment or in the file written by logging in? The token itself is never shown. */
  readonly hasToken: boolean;
  readonly offline: boolean;
  /** The variables that are used and set; tokens are not shown, nor names and passwords in addresses. */
  readonly environment: Readonly<Record<string, string>>;
  /** Problems of the environment. */
  readonly problems: readonly string[];
}

const VARIABLES = [
  ...['HF_HOME', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'XDG_CACHE_HOME', 'HF_ENDPOINT', 'HF_HUB_OFFLINE'],
  ...['TRANSFORMERS_OFFLINE', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'],
  ...['HF_HUB_DISABLE_SYMLINKS', 'HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['https_proxy', 'http_proxy', 'all_proxy', 'no_proxy'],
];

/** Makes no requests. */
export async function describeHub(env: Environment = process.env): Promise<HubDescription> {
  const problems: string[] = [];
  const tried = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push((error as Error).message);
      return undefined;
    }
  };
  const given = VARIABLES.flatMap((name) => (env[name] ? [[name, shown(name, env[name])] as const] : []));
  const cacheDir = cacheDirectory(env);
  tried(() => proxyFor(new URL(hubEndpoint(undefined, env)), env));
  return {
    cacheDir,
    freeBytes: await freeBytes(cacheDir),
    endpoint: tried(() => hubEndpoint(undefined, env)),
    hasToken: tried(() => hubToken(undefined, env)) !== undefined,
    offline: isOffline(undefined, env),
    environment: Object.fromEntries(given),
    problems,
  };
}

function shown(name: string, value: string): string {
  if (/TOKEN$/.test(name)) return name.includes('DISABLE') ? value : 'set';
  if (/^(?:https?|all)_proxy$/i.test(name)) return publicPart(/:\/\//.test(value) ? value : `http://${value}`);
  return name === 'HF_ENDPOINT' ? publicPart(value) : value;
}

/** Free bytes of the disk where a folder is or would be made. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    const parent = dirname(folder);
    return parent === folder ? undefined : freeBytes(parent);
  }
}
