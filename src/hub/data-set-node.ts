/** Downloads files of data sets from the hub into the cache that the Python tools also use (datasets--org--name). */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FetchError, UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { cacheDirectory, hubEndpoint, hubToken, isOffline } from './environment-node.ts';
import { HUB_OPTIONS, type HubOptions } from './hub-node.ts';
import { cachedCommit, type Store, sizeOf, snapshotFile, storeIn, writeRef } from './layout-node.ts';
import { MAX_LISTING_BYTES } from './listing.ts';
import { fileNameProblem, isCommit, isRepoId } from './names.ts';
import { checkRoomFor, obtain } from './obtain-node.ts';
import { progressOver } from './progress.ts';
import { getJson } from './request-node.ts';
import type { Session } from './session.ts';
import { describeFile } from './transfer-node.ts';

/** The branch where the hub keeps every data set as Parquet. */
const PARQUET = 'refs/convert/parquet';

/**
 * Paths in the cache of the files that are wanted, in the order of their names; what is missing is downloaded. Throws UsageError for impossible
 * names, when offline without the files, and what `none` makes of all names when none is wanted; FetchError.
 */
export async function dataSetFiles(
  repo: string,
  isWanted: (path: string) => boolean,
  options: HubOptions,
  none: (names: readonly string[]) => Error,
): Promise<string[]> {
  if (!isRepoId(repo))
    throw new UsageError(
      `'${repo}' is no data set: wanted org/name of the hub, or json, csv, parquet or arrow with dataset_kwargs.data_files.`,
    );
  const { signal, retries, stallMs, backoffMs } = checkOptions('the hub', options, HUB_OPTIONS);
  const endpoint = hubEndpoint(options.endpoint);
  const token = hubToken(options.token);
  const cacheDir = options.cacheDir ?? cacheDirectory();
  const store = storeIn(cacheDir, `datasets--${repo.replaceAll('/', '--')}`);
  const known = await cachedCommit(store, PARQUET);
  if (known !== undefined) {
    const files = (await listedFiles(store, known)).filter(isWanted).sort();
    const sizes = await Promise.all(files.map((file) => sizeOf(snapshotFile(store, known, file))));
    if (files.length > 0 && !sizes.includes(undefined)) return files.map((file) => snapshotFile(store, known, file));
  }
  if (isOffline(options.offline))
    throw new UsageError(
      `requests to the hub are turned off (HF_HUB_OFFLINE or 'offline'), and the cache ${store.root} lacks the data set ${repo}: go online once.`,
    );
  const session: Session = {
    endpoint,
    signal,
    retries,
    stallMs,
    backoffMs,
    token,
    contact: { made: false },
    onRetry: options.onWarning,
    again: 'run it again',
  };
  const asked = {
    repo: `datasets/${repo}`,
    revision: PARQUET,
    file: undefined,
    endpoint,
    hasToken: token !== undefined,
  };
  const url = `${endpoint}/api/datasets/${repo}/revision/${encodeURIComponent(PARQUET)}`;
  const answer = (await getJson(session, url, asked, MAX_LISTING_BYTES)) as {
    sha?: unknown;
    siblings?: unknown;
  } | null;
  const commit = answer?.sha;
  if (!isCommit(commit) || !Array.isArray(answer?.siblings))
    throw new FetchError(`GET ${url}: no commit ('sha') and files ('siblings'); is ${endpoint} a hub (HF_ENDPOINT)?`);
  const names = answer.siblings.map(({ rfilename: name }: { rfilename?: unknown }) => {
    const problem = typeof name === 'string' ? fileNameProblem(name) : 'it is no text';
    if (problem) throw new FetchError(`GET ${url}: the file name ${JSON.stringify(name)} is not safe: ${problem}.`);
    return name as string;
  });
  const wanted = names.filter(isWanted).sort();
  if (wanted.length === 0) throw none(names);
  const remotes = new Map<string, Awaited<ReturnType<typeof describeFile>>>();
  for (const file of wanted) {
    const path = file.split('/').map(encodeURIComponent).join('/');
    const address = `${endpoint}/datasets/${repo}/resolve/${commit}/${path}`;
    if ((await sizeOf(snapshotFile(store, commit, file))) === undefined)
      remotes.set(file, await describeFile(session, address, { ...asked, file }));
  }
  await checkRoomFor(store, remotes.values());
  const shown = progressOver(
    [...remotes].map(([file, { bytes }]) => [file, bytes]),
    options.onProgress,
  );
  for (const [file, remote] of remotes)
    await obtain(session, store, commit, file, remote, (bytes) => shown(file, bytes));
  await writeFile(listingOf(store, commit), JSON.stringify(names));
  await writeRef(store, PARQUET, commit);
  return wanted.map((file) => snapshotFile(store, commit, file));
}

/** Names of all files of a commit, which tell whether a split is whole. */
const listingOf = (store: Store, commit: string): string => join(store.root, `portmanteau-files-${commit}.json`);

async function listedFiles(store: Store, commit: string): Promise<string[]> {
  const text = await readFile(listingOf(store, commit), 'utf8').catch(() => '[]');
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names)
      ? names.filter((name) => typeof name === 'string' && fileNameProblem(name) === undefined)
      : [];
  } catch {
    return [];
  }
}
