/**
 * Models of the hub in browsers: downloaded once, in pieces, into the storage of the page, checked by their checksums, and read from there. A
 * download that was cut goes on with the first piece that is missing. Layout: models--org--name/{refs/<revision>, listings/<commit>,
 * blobs/<checksum>/<number of the piece>, whole/<checksum>}.
 */
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { FetchError, UsageError } from '../base/errors.ts';
import { checkFileName, type Folder } from '../checkpoint/source.ts';
import { checkOptions } from '../options/check.ts';
import type { Asked } from './advice.ts';
import { type ListedFile, type Listing, listingAddress, listingOf, MAX_LISTING_BYTES } from './listing.ts';
import { checkRevision, folderOfRepo, isCommit } from './names.ts';
import { HUB_OPTIONS, type HubOptions } from './options-web.ts';
import { PIECE_BYTES, pieceBytes, pieceCount, piecesSource } from './pieces.ts';
import { progressOver } from './progress.ts';
import { filesAddress, HUB } from './reference.ts';
import { getJson, send } from './request-web.ts';
import { type Session, TransientError, withRetries } from './session.ts';
import { StorageFullError } from './storage-full.ts';
import { type PieceStorage, pieceStorage } from './storage-web.ts';
import { wantedFiles, weightsOf } from './wanted-files.ts';

interface Wanted {
  readonly repo: string;
  readonly revision: string;
  /** Else only config and tokenizer. */
  readonly weights: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onWarning: ((message: string) => void) | undefined;
}

/**
 * The folder of a model, whose files are stored when this returns; undefined when the browser can store none, or is told not to. Throws
 * FetchError, StorageFullError before anything is downloaded, and UsageError when offline without the files.
 */
export async function storedFolder(wanted: Wanted, options: HubOptions = {}): Promise<Folder | undefined> {
  const { cache, ...others } = checkOptions('the hub', options, HUB_OPTIONS);
  checkRevision(wanted.revision);
  const storage = cache === false ? undefined : await pieceStorage();
  return storage && new Download(storage, wanted, others).folder();
}

type DownloadOptions = HubOptions & Required<Pick<HubOptions, 'retries' | 'backoffMs' | 'stallMs'>>;

class Download {
  readonly #storage: PieceStorage;
  readonly #wanted: Wanted;
  readonly #options: DownloadOptions;
  readonly #session: Session;
  readonly #asked: Asked;
  readonly #root: string;

  constructor(storage: PieceStorage, wanted: Wanted, options: DownloadOptions) {
    this.#storage = storage;
    this.#wanted = wanted;
    this.#options = options;
    const { token, retries, stallMs, backoffMs } = options;
    const { repo, revision, signal, onWarning } = wanted;
    const endpoint = (options.endpoint ?? HUB).replace(/\/+$/, '');
    this.#session = {
      ...{ endpoint, token, signal, retries, stallMs, backoffMs, onRetry: onWarning },
      contact: { made: true }, // browsers do not tell an unreachable host from a connection that failed
      again: 'load it again',
    };
    this.#asked = { repo, revision, endpoint, hasToken: token !== undefined, isPage: true };
    this.#root = folderOfRepo(wanted.repo);
  }

  async folder(): Promise<Folder | undefined> {
    const listing = await this.#listing();
    const names = listing.files.map(({ name }) => name);
    const { small } = wantedFiles(names);
    const weights = this.#wanted.weights ? weightsOf(this.#wanted.repo, names) : [];
    const files = [...small, ...weights].map((name) => listing.files.find((file) => file.name === name) as ListedFile);
    if (files.some(({ checksum, bytes }) => checksum === undefined || bytes === undefined)) {
      this.#wanted.onWarning?.(
        `${this.#session.endpoint} tells no checksums, so ${this.#wanted.repo} is read from there and not stored.`,
      );
      return undefined;
    }
    await this.#fetchAll(listing, files);
    // Last, so that a branch points at what is whole.
    const text = (value: string) => new TextEncoder().encode(value);
    await this.#write(`refs/${encodeURIComponent(this.#wanted.revision)}`, text(listing.commit));
    return this.#folderOf(listing, files);
  }

  /** What the hub says, or what is stored: always of a commit, else when the hub does not answer. */
  async #listing(): Promise<Listing> {
    const { repo, revision } = this.#wanted;
    const stored = await this.#storedListing();
    if (stored && (isCommit(revision) || this.#options.offline)) return stored;
    if (this.#options.offline)
      throw new UsageError(
        `requests are turned off (offline), and ${repo} at '${revision}' is not stored: load it once with the hub.`,
      );
    const { endpoint } = this.#session;
    const url = listingAddress(endpoint, repo, revision);
    const session = stored ? { ...this.#session, retries: 0 } : this.#session;
    try {
      const answer = await getJson(session, `${url}?blobs=true`, this.#asked, MAX_LISTING_BYTES);
      const listing = listingOf(answer, url, endpoint);
      const bytes = new TextEncoder().encode(JSON.stringify(listing));
      await this.#write(`listings/${listing.commit}`, bytes);
      return listing;
    } catch (error) {
      this.#wanted.signal?.throwIfAborted();
      // 404: this revision is no more; to go on with an old one would be a surprise.
      if (!stored || !(error instanceof FetchError) || error.status === 404) throw error;
      this.#wanted.onWarning?.(`${error.message} Using what is stored of ${repo}.`);
      return stored;
    }
  }

  /** The listing of the wanted revision, if it and all wanted files are stored. */
  async #storedListing(): Promise<Listing | undefined> {
    const { revision, weights, repo } = this.#wanted;
    const ref = await this.#readText(`refs/${encodeURIComponent(revision)}`);
    const commit = isCommit(revision) ? revision : ref;
    const text = isCommit(commit) ? await this.#readText(`listings/${commit}`) : undefined;
    if (text === undefined) return undefined;
    const listing = parsed(text);
    if (!listing) return undefined;
    const names = listing.files.map(({ name }) => name);
    const wanted = new Set([...wantedFiles(names).small, ...(weights ? weightsOf(repo, names) : [])]);
    for (const file of listing.files)
      if (wanted.has(file.name) && (await this.#missingPieces(file)).length > 0) return undefined;
    return listing;
  }

  async #fetchAll(listing: Listing, files: readonly ListedFile[]): Promise<void> {
    const shown = progressOver(
      files.map(({ name, bytes = 0 }) => [name, bytes]),
      this.#options.onProgress,
    );
    let missingBytes = 0;
    for (const file of files) {
      const missing = await this.#missingPieces(file);
      for (const piece of missing) missingBytes += pieceBytes(file, piece);
    }
    if (missingBytes > 0) await this.#checkRoom(missingBytes);
    for (const file of files) {
      await this.#locked(file, () => this.#obtain(listing.commit, file, (bytes) => shown(file.name, bytes)));
      shown(file.name, file.bytes ?? 0);
    }
  }

  /** One tab downloads a file; others wait, and find it there. */
  async #locked<T>(file: ListedFile, body: () => Promise<T>): Promise<T> {
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    const { signal } = this.#wanted;
    if (!locks) return body();
    return locks.request(`portmanteau ${this.#root}/${file.checksum}`, signal ? { signal } : {}, body) as Promise<T>;
  }

  async #obtain(commit: string, file: ListedFile, onBytes: (loaded: number) => void): Promise<void> {
    for (let again = false; ; again = true) {
      const missing = await this.#missingPieces(file);
      if (missing.length === 0) return;
      await this.#receive(commit, file, missing, onBytes);
      const problem = await this.#problem(file);
      if (!problem) return this.#write(`whole/${file.checksum}`, new Uint8Array([1]));
      await this.#storage.remove(this.#blob(file));
      if (again)
        throw new FetchError(
          `${this.#addressOf(commit, file)}: the file came whole twice, but ${problem}. The server or something on the way to it changes files; nothing was kept.`,
        );
    }
  }

  /** Numbers of the pieces that must be downloaded. */
  async #missingPieces(file: ListedFile): Promise<number[]> {
    const all = Array.from({ length: pieceCount(file) }, (_, piece) => piece);
    const stored = await this.#storage.list(this.#blob(file));
    const lacking = all.filter((piece) => stored.get(this.#piece(file, piece)) !== pieceBytes(file, piece));
    if (lacking.length > 0 || (await this.#storage.read(`${this.#root}/whole/${file.checksum}`))) return lacking;
    return all.slice(-1); // all are there, but were not compared with the checksum: the tab was killed before
  }

  /** Downloads pieces; a connection that breaks is made anew as long as bytes arrive. */
  async #receive(
    commit: string,
    file: ListedFile,
    missing: readonly number[],
    onBytes: (loaded: number) => void,
  ): Promise<void> {
    const url = this.#addressOf(commit, file);
    const rest = [...missing];
    await withRetries(this.#session, async () => {
      const before = rest.length;
      try {
        while (rest.length > 0) await this.#receiveRun(url, file, rest, onBytes);
      } catch (error) {
        if (error instanceof TransientError) error.progress = (before - rest.length) * PIECE_BYTES;
        throw this.#explained(error, file.bytes ?? 0);
      }
    });
  }

  /** One request, for pieces that follow each other; removes those that were stored from `rest`. */
  async #receiveRun(url: string, file: ListedFile, rest: number[], onBytes: (loaded: number) => void): Promise<void> {
    const first = rest[0] as number;
    const count = rest.findIndex((piece, i) => piece !== first + i);
    const last = first + (count < 0 ? rest.length : count) - 1;
    const { bytes = 0 } = file;
    let at = first * PIECE_BYTES;
    const end = Math.min((last + 1) * PIECE_BYTES, bytes);
    if (bytes === 0) return this.#store(file, 0, new Uint8Array(0), rest);
    const isAll = at === 0 && end === bytes;
    const answer = await send(this.#session, url, this.#asked, isAll ? {} : { Range: `bytes=${at}-${end - 1}` });
    try {
      const problem = answer.status === 206 && rangeProblem(answer.headers.get('content-range'), at, bytes);
      if (problem) throw new TransientError(`GET ${url}: ${problem}.`, { status: answer.status });
      if (answer.status !== 206) at = 0; // the server knows no ranges: what comes first is stored already
      let piece = new Uint8Array(pieceBytes(file, Math.floor(at / PIECE_BYTES)));
      let filled = 0;
      for await (const chunk of answer.body()) {
        for (let used = 0; used < chunk.length && at < end; ) {
          const some = chunk.subarray(used, used + piece.length - filled);
          piece.set(some, filled);
          used += some.length;
          filled += some.length;
          at += some.length;
          if (filled < piece.length) continue;
          const number = Math.ceil(at / PIECE_BYTES) - 1;
          if (number === rest[0]) await this.#store(file, number, piece, rest);
          piece = new Uint8Array(pieceBytes(file, number + 1));
          filled = 0;
        }
        onBytes(at);
        if (at >= end) return;
      }
      throw new TransientError(`GET ${url}: the answer ended after ${at} of ${bytes} bytes.`);
    } finally {
      await answer.close();
    }
  }

  async #store(file: ListedFile, number: number, piece: Uint8Array<ArrayBuffer>, rest: number[]): Promise<void> {
    await this.#storage.write(this.#piece(file, number), piece);
    rest.shift();
  }

  /** Compares what is stored with the checksum. */
  async #problem(file: ListedFile): Promise<string | undefined> {
    const { checksum = '', bytes = 0 } = file;
    const hash = checksum.length === 64 ? sha256.create() : sha1.create();
    if (checksum.length === 40) hash.update(utf8ToBytes(`blob ${bytes}\0`));
    for (const blob of await this.#blobs(file))
      for (const reader = blob.stream().getReader(); ; ) {
        this.#wanted.signal?.throwIfAborted();
        const { done, value } = await reader.read();
        if (done) break;
        hash.update(value);
      }
    const found = bytesToHex(hash.digest());
    return found === checksum ? undefined : `its checksum is ${found}, wanted ${checksum}`;
  }

  async #checkRoom(bytes: number): Promise<void> {
    const { quota, usage = 0 } = (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
    if (quota !== undefined && quota - usage < bytes)
      throw new StorageFullError(this.#wanted.repo, bytes, Math.max(0, quota - usage));
  }

  #explained(error: unknown, bytes: number): unknown {
    if ((error as Error).name !== 'QuotaExceededError') return error;
    return new StorageFullError(this.#wanted.repo, bytes, undefined, { cause: error });
  }

  #addressOf(commit: string, { name }: ListedFile): string {
    const path = name.split('/').map(encodeURIComponent).join('/');
    return `${filesAddress(this.#wanted.repo, commit, this.#session.endpoint)}/${path}`;
  }

  #blob = ({ checksum }: ListedFile) => `${this.#root}/blobs/${checksum}`;
  #piece = (file: ListedFile, piece: number) => `${this.#blob(file)}/${piece}`;

  async #blobs(file: ListedFile): Promise<Blob[]> {
    const pieces = Array.from({ length: pieceCount(file) }, (_, piece) => this.#storage.read(this.#piece(file, piece)));
    const blobs = (await Promise.all(pieces)).filter((blob) => blob !== undefined);
    if (blobs.length === pieces.length) return blobs;
    throw new FetchError(
      `${file.name} of ${this.#wanted.repo} was removed from the storage of the browser meanwhile: load it again.`,
    );
  }

  async #readText(name: string): Promise<string | undefined> {
    return (await this.#storage.read(`${this.#root}/${name}`))?.text();
  }

  async #write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#storage.write(`${this.#root}/${name}`, bytes).catch((error) => {
      throw this.#explained(error, bytes.length);
    });
  }

  #folderOf(listing: Listing, files: readonly ListedFile[]): Folder {
    return {
      name: `${this.#wanted.repo}@${listing.commit}`,
      open: async (name) => {
        checkFileName(name);
        const file = files.find((one) => one.name === name);
        return file && piecesSource(`${this.#wanted.repo}/${name}`, file, await this.#blobs(file));
      },
      list: async () => files.map(({ name }) => name).sort(),
    };
  }
}

/** A listing that was stored; undefined where that is damaged, so that the hub is asked again. */
function parsed(text: string): Listing | undefined {
  try {
    return JSON.parse(text) as Listing;
  } catch {
    return undefined;
  }
}

/** Why these cannot be the bytes from `start` on of a file of so many; undefined when they can, or the server lets pages not see what they are. */
function rangeProblem(range: string | null, start: number, bytes: number): string | undefined {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range ?? '') ?? [];
  if (range === null || (Number(from) === start && (total === '*' || Number(total) === bytes))) return undefined;
  return `Content-Range came as '${range}', wanted from ${start} of ${bytes}`;
}
