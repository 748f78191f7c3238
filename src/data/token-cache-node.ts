/** The folders of tokens that prepareData has made: lists and removes them. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { tokensDirectory } from './prepare-node.ts';

export interface CachedTokens {
  /** Name of the folder. */
  readonly id: string;
  /** On the disk. */
  readonly bytes: number;
  /** Of training and held-out data, as far as they are stored; undefined when the list of shards cannot be read. */
  readonly tokens: number | undefined;
  /** Were all texts read? */
  readonly isDone: boolean;
  /** When something was last written: milliseconds since 1970. */
  readonly changedMs: number;
}

export interface TokenCacheOptions {
  /** Folder of tokens, as `data.cache` of a configuration. Default: that of the user, see tokensDirectory. */
  readonly directory?: string | undefined;
}

const ID = /^[0-9a-f]{32}$/;
/** What a folder must have to be one of tokens. */
const LIST = 'data.json';

/** The folders that were used last come first. */
export async function listTokens({ directory = tokensDirectory() }: TokenCacheOptions = {}): Promise<CachedTokens[]> {
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(names.filter((name) => ID.test(name)).map((name) => described(directory, name)));
  return found.flatMap((one) => (one ? [one] : [])).sort((a, b) => b.changedMs - a.changedMs);
}

/**
 * Removes folders of tokens; a run that needs them makes them again. Not to be called while a run reads them. `ids`: their names, or beginnings that fit one
 * only. Throws UsageError, before anything is removed, for others.
 */
export async function removeTokens(
  ids: readonly string[],
  options: TokenCacheOptions = {},
): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }> {
  const { directory = tokensDirectory() } = options;
  const all = await listTokens(options);
  const chosen = ids.map((id) => {
    const fits = all.filter((one) => one.id.startsWith(id));
    if (fits.length === 1 && id !== '') return fits[0] as CachedTokens;
    const problem = fits.length === 0 || id === '' ? `there are no tokens '${id}'` : `'${id}' begins several names`;
    throw new UsageError(`${problem} in ${directory}; 'cache tokens ls' tells what there is.`);
  });
  const unique = [...new Set(chosen)];
  for (const { id } of unique) await rm(join(directory, id), { recursive: true, force: true });
  return { removed: unique.map(({ id }) => id), freedBytes: unique.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function described(directory: string, id: string): Promise<CachedTokens | undefined> {
  const folder = join(directory, id);
  const names: string[] = await readdir(folder).catch(() => []);
  const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  if (!names.includes(LIST)) return undefined;
  const bytes = stats.reduce((sum, one) => sum + (one?.size ?? 0), 0);
  const changedMs = stats.reduce((last, one) => Math.max(last, one?.mtimeMs ?? 0), 0);
  return { id, bytes, changedMs, ...(await contentOf(join(folder, LIST))) };
}

async function contentOf(file: string): Promise<Pick<CachedTokens, 'tokens' | 'isDone'>> {
  try {
    const { shards, isDone } = JSON.parse(await readFile(file, 'utf8'));
    const all: { tokens: number }[] = [...shards.train, ...shards.validation];
    const tokens = all.reduce((sum, shard) => sum + shard.tokens, 0);
    return { tokens: Number.isFinite(tokens) ? tokens : undefined, isDone: isDone === true };
  } catch {
    return { tokens: undefined, isDone: false }; // damaged: prepareData says so, here it can be removed
  }
}
