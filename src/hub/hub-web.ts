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
import { call, kinds, type OptionsOf } from '../options/option.ts';
import { adviceFor } from './advice.ts';
import { type ListedFile, type Listing, listingAddress, listingOf } from './listing.ts';
import { checkRevision, folderOfRepo, isCommit } from './names.ts';
import { PIECE_BYTES, pieceBytes, pieceCount, piecesSource } from './pieces.ts';
import { type OnProgress, progressOver } from './progress.ts';
import { filesAddress, HUB } from './reference.ts';
import { backoffAfter, isPassing, RETRY_OPTIONS, type RetryOptions } from './retries.ts';
import { StorageFullError } from './storage-full.ts';
import { type PieceStorage, pieceStorage } from './storage-web.ts';
import { wantedFiles, weightsOf } from './wanted-files.ts';

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
  readonly #endpoint: string;
  readonly #root: string;

  constructor(storage: PieceStorage, wanted: Wanted, options: DownloadOptions) {
    this.#storage = storage;
    this.#wanted = wanted;
    this.#options = options;
    this.#endpoint = (options.endpoint ?? HUB).replace(/\/+$/, '');
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
        `${this.#endpoint} tells no checksums, so ${this.#wanted.repo} is read from there and not stored.`,
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
    const url = listingAddress(this.#endpoint, repo, revision);
    try {
      const answer = await this.#send(`${url}?blobs=true`, {}, stored ? 0 : this.#options.retries);
      const listing = listingOf(await answer.json(), url, this.#endpoint);
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
    const { bytes = 0 } = file;
    const rest = [...missing];
    let failures = 0;
    while (rest.length > 0) {
      const before = rest.length;
      try {
        await this.#receiveRun(url, file, rest, onBytes);
      } catch (error) {
        this.#wanted.signal?.throwIfAborted();
        if (!(error instanceof FetchError) || !mayPass(error)) throw this.#explained(error, bytes);
        failures = rest.length < before ? 1 : failures + 1;
        if (failures > this.#options.retries)
          throw new FetchError(`${error.message} Gave up after ${failures} tries; load it again to go on from there.`, {
            cause: error,
            ...(error.status === undefined ? {} : { status: error.status }),
          });
        await this.#pause(failures);
      }
    }
  }

  /** One request, for pieces that follow each other; removes those that were stored from `rest`. */
  async #receiveRun(url: string, file: ListedFile, rest: number[], onBytes: (loaded: number) => void): Promise<void> {
    const first = rest[0] as number;
    const count = rest.findIndex((piece, i) => piece !== first + i);
    const last = first + (count < 0 ? rest.length : count) - 1;
    const { bytes = 0 } = file;
    let at = first * PIECE_BYTES;
    const end = Math.min((last + 1) * PIECE_BYTES, bytes);
    const isAll = at === 0 && end === bytes;
    const response = await this.#send(url, isAll ? {} : { Range: `bytes=${at}-${end - 1}` }, 0);
    if (!isAll && response.status !== 206) at = 0; // the server knows no ranges: what comes first is stored already
    let piece = new Uint8Array(pieceBytes(file, Math.floor(at / PIECE_BYTES)));
    let filled = 0;
    const reader = response.body?.getReader();
    try {
      if (bytes === 0) await this.#store(file, 0, piece, rest);
      while (at < end) {
        const next = reader && (await this.#soon(url, reader.read()));
        if (!next || next.done) throw new FetchError(`${url}: the answer ended after ${at} of ${bytes} bytes.`);
        const { value } = next;
        for (let used = 0; used < value.length && at < end; ) {
          const some = value.subarray(used, used + piece.length - filled);
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
      }
    } catch (error) {
      if (error instanceof FetchError || (error as Error).name === 'QuotaExceededError') throw error;
      throw new FetchError(`${url}: the connection failed: ${(error as Error).message}.`, { cause: error });
    } finally {
      await reader?.cancel().catch(() => {}); // broken, or at its end
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

  /** Throws FetchError; after failures that may pass, tries again. */
  async #send(url: string, headers: Readonly<Record<string, string>>, retries: number): Promise<Response> {
    const { repo, revision, signal } = this.#wanted;
    const { token } = this.#options;
    const authorization = authorizationOf(token);
    for (let failures = 0; ; ) {
      try {
        const asked = fetch(url, {
          headers: { ...headers, ...authorization },
          cache: 'no-store', // it is stored here, once
          ...(signal ? { signal } : {}),
        });
        const response = await this.#soon(url, asked);
        if (response.ok) return response;
        await response.body?.cancel().catch(() => {});
        const { status, statusText } = response;
        const from = { repo, revision, endpoint: this.#endpoint, hasToken: token !== undefined, isPage: true };
        const advice = adviceFor(status, response.headers.get('x-error-code'), from);
        throw new FetchError(`GET ${url}: the hub answered ${`${status} ${statusText}`.trimEnd()}. ${advice}`, {
          status,
        });
      } catch (caught) {
        signal?.throwIfAborted();
        const error =
          caught instanceof FetchError
            ? caught
            : new FetchError(
                `GET ${url}: the connection failed: ${(caught as Error).message}. Is this machine offline?`,
                {
                  cause: caught,
                },
              );
        if (++failures > retries || !mayPass(error)) throw error;
        await this.#pause(failures);
      }
    }
  }

  /** What comes of a connection. Throws FetchError when nothing comes for long. */
  async #soon<T>(url: string, coming: Promise<T>): Promise<T> {
    const { stallMs } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new FetchError(`GET ${url}: nothing came for ${stallMs / 1000} s.`)), stallMs);
    });
    return Promise.race([coming, silence]).finally(() => clearTimeout(timer));
  }

  async #pause(failures: number): Promise<void> {
    const { signal } = this.#wanted;
    await new Promise((resolve) => setTimeout(resolve, backoffAfter(failures, this.#options.backoffMs)));
    signal?.throwIfAborted();
  }

  #addressOf(commit: string, { name }: ListedFile): string {
    const path = name.split('/').map(encodeURIComponent).join('/');
    return `${filesAddress(this.#wanted.repo, commit, this.#endpoint)}/${path}`;
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

/** The header that carries a token. */
export const authorizationOf = (token: string | undefined): Readonly<Record<string, string>> =>
  token ? { Authorization: `Bearer ${token}` } : {};

/** A listing that was stored; undefined where that is damaged, so that the hub is asked again. */
function parsed(text: string): Listing | undefined {
  try {
    return JSON.parse(text) as Listing;
  } catch {
    return undefined;
  }
}

/** No status: the connection broke. */
const mayPass = ({ status }: FetchError): boolean => status === undefined || isPassing(status);
