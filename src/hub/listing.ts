/** What the hub's API answers about a revision: `/api/models/org/name/revision/main`, with `?blobs=true` also sizes and checksums. */
import { FetchError } from '../base/errors.ts';
import { fileNameProblem, isCommit } from './names.ts';

/** Repositories of 10^5 files have listings of some 10^7 bytes. */
export const MAX_LISTING_BYTES = 64 << 20;

export interface ListedFile {
  readonly name: string;
  /** Of large files the SHA-256, of small ones that of git (SHA-1 of `blob SIZE`, a zero byte, and the content); only with `?blobs=true`. */
  readonly checksum: string | undefined;
  readonly bytes: number | undefined;
}

export interface Listing {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

export const listingAddress = (endpoint: string, repo: string, revision: string): string =>
  `${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}`;

interface Sibling {
  readonly rfilename?: unknown;
  readonly size?: unknown;
  readonly blobId?: unknown;
  readonly lfs?: { readonly sha256?: unknown; readonly size?: unknown } | null;
}

/** Throws FetchError on answers of other servers, and on names that cannot be files. */
export function listingOf(answer: unknown, url: string, endpoint: string): Listing {
  const { sha, siblings } = (answer ?? {}) as { readonly sha?: unknown; readonly siblings?: unknown };
  if (!isCommit(sha) || !Array.isArray(siblings))
    throw new FetchError(`GET ${url}: no commit ('sha') and files ('siblings'); is ${endpoint} a hub (HF_ENDPOINT)?`);
  const files = siblings.map((sibling: Sibling | null) => {
    const name = sibling?.rfilename;
    const problem = typeof name === 'string' ? fileNameProblem(name) : 'it is no text';
    if (problem) throw new FetchError(`GET ${url}: the file name ${JSON.stringify(name)} is not safe: ${problem}.`);
    return {
      name: name as string,
      checksum: checksumIn(sibling?.lfs?.sha256, 64) ?? checksumIn(sibling?.blobId, 40),
      bytes: sizeIn(sibling?.lfs?.size) ?? sizeIn(sibling?.size),
    };
  });
  return { commit: sha, files };
}

const checksumIn = (value: unknown, length: number) =>
  typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value) ? value : undefined;

const sizeIn = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
