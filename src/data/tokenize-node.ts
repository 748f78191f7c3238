/**
 * Tokenises source files into shards. After each shard, and after files, what is done is written down; a process that is killed goes on from there at
 * its next start, and the shards are the same as in one go. Memory: one shard, and one document or piece of a document.
 */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { RecordFields, TrainingDocument } from './document.ts';
import type { DocumentEncoder, TextPart } from './encode.ts';
import type { DataFile } from './files-node.ts';
import { readJsonl } from './jsonl-node.ts';
import { type Manifest, makeTokenFolder, type StreamName, writeManifest } from './manifest-node.ts';
import { readParquet } from './parquet-node.ts';
import { isBlank } from './prepare.ts';
import { writeShard } from './shard-node.ts';
import { badRecordPolicy, FILE_START, type SourceItem, type SourcePlace } from './source-item.ts';
import { isForValidation } from './split.ts';
import { cutOf } from './text-cut.ts';
import { readTextFile } from './text-node.ts';
import { TokenBuffer } from './token-buffer.ts';

export interface TokenizeProgress {
  /** The file that is read, its number from 0 on, and the number of files. */
  readonly file: string;
  readonly index: number;
  readonly files: number;
  /** Bytes of all files, and how many of them were read. */
  readonly loaded: number;
  readonly total: number;
  /** So far, with those from before a restart. */
  readonly documents: number;
  readonly tokens: number;
}

export interface SourceFile extends DataFile {
  readonly bytes: number;
  /** Is all of it for validation? */
  readonly isForValidation: boolean;
}

export interface TokenizeJob {
  readonly folder: string;
  readonly files: readonly SourceFile[];
  readonly tokenizer: Tokenizer;
  readonly encode: DocumentEncoder;
  readonly vocabSize: number;
  readonly fields: RecordFields;
  readonly separator?: string | undefined;
  readonly badRecords: 'error' | 'skip';
  /** Share of the documents for validation, and the seed that chooses them. */
  readonly share: number;
  readonly seed: number;
  readonly limits?: TokenizeLimits | undefined;
  readonly onProgress?: ((progress: TokenizeProgress) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TokenizeLimits {
  /** Tokens after which a shard is written. */
  readonly shardTokens: number;
  /** Tokens after which the end of a file is worth a shard. */
  readonly fileTokens: number;
  /** Characters of a text that are encoded at once. */
  readonly pieceCharacters: number;
}

/** About 8 MB, or 10 seconds of work; at the end of a file, half a second of work. */
export const TOKENIZE_LIMITS: TokenizeLimits = {
  shardTokens: 1 << 22,
  fileTokens: 1 << 18,
  pieceCharacters: 4 << 20,
};

/** Bytes between two reports. */
const REPORT_BYTES = 1 << 18;

/** Goes on where `manifest` says; returns it as it is at the end. */
export async function tokenizeFiles(job: TokenizeJob, manifest: Manifest): Promise<Manifest> {
  await makeTokenFolder(job.folder);
  const work = new Tokenizing(job, manifest);
  for (let index = manifest.next.file; index < job.files.length; index++)
    await work.file(index, index === manifest.next.file ? manifest.next.place : FILE_START);
  return work.finish();
}

class Tokenizing {
  readonly #job: TokenizeJob;
  readonly #limits: TokenizeLimits;
  #manifest: Manifest;
  readonly #buffers = { train: new TokenBuffer(), validation: new TokenBuffer() };
  readonly #stored: Record<StreamName, number>;
  #documents: number;
  readonly #fileEnds: { train: number; validation: number }[];
  #reported = Number.NEGATIVE_INFINITY;

  constructor(job: TokenizeJob, manifest: Manifest) {
    this.#job = job;
    this.#limits = job.limits ?? TOKENIZE_LIMITS;
    this.#manifest = manifest;
    this.#documents = manifest.documents;
    this.#fileEnds = [...manifest.fileEnds];
    const sum = (stream: StreamName) => manifest.shards[stream].reduce((all, { tokens }) => all + tokens, 0);
    this.#stored = { train: sum('train'), validation: sum('validation') };
  }

  async file(index: number, from: SourcePlace): Promise<void> {
    const file = this.#job.files[index] as SourceFile;
    const bad = badRecordPolicy(file.path, this.#job.badRecords, this.#job.onWarning);
    for await (const item of this.#read(file, from, bad.onBad)) {
      this.#job.signal?.throwIfAborted();
      this.#add(item, file);
      const { train, validation } = this.#buffers;
      const isFull = Math.max(train.length, validation.length) >= this.#limits.shardTokens;
      if (isFull) await this.#commit({ file: index, place: item.next });
      this.#report(index, item.bytesRead, isFull);
    }
    bad.finish();
    this.#fileEnds.push({ train: this.#tokensOf('train'), validation: this.#tokensOf('validation') });
    if (this.#waiting() >= this.#limits.fileTokens) await this.#commit({ file: index + 1, place: FILE_START });
  }

  async finish(): Promise<Manifest> {
    await this.#commit({ file: this.#job.files.length, place: FILE_START }, true);
    this.#report(this.#job.files.length - 1, Number.POSITIVE_INFINITY, true);
    return this.#manifest;
  }

  #read(
    file: SourceFile,
    from: SourcePlace,
    onBad: (where: string, problem: string) => void,
  ): AsyncGenerator<SourceItem> {
    const { fields, separator, tokenizer } = this.#job;
    const { pieceCharacters } = this.#limits;
    if (file.kind === 'jsonl') return readJsonl(file, fields, from, onBad);
    if (file.kind === 'parquet') return readParquet(file, fields, from, onBad);
    return readTextFile(file, { separator, pieceCharacters, cut: (text) => cutOf(text, tokenizer) }, from);
  }

  #add({ document, part }: SourceItem, file: SourceFile): void {
    if (part.isFirst && part.isLast && isBlank(document)) return;
    if (part.isFirst) this.#documents++;
    const { share, seed } = this.#job;
    const isHeld = file.isForValidation || isForValidation(this.#documents - 1, share, seed);
    const buffer = this.#buffers[isHeld ? 'validation' : 'train'];
    for (const piece of this.#pieces(document, part)) buffer.add(this.#job.encode(...piece), piece[1].isLast);
  }

  /** A long text of a record in pieces, as those of text files come. */
  *#pieces(document: TrainingDocument, { isFirst, isLast }: TextPart): Generator<[TrainingDocument, TextPart]> {
    const { pieceCharacters } = this.#limits;
    let [rest, begins] = [document, isFirst];
    while (rest.kind === 'text' && rest.text.length > pieceCharacters) {
      const { text } = rest;
      const end = cutOf(text.slice(0, pieceCharacters), this.#job.tokenizer);
      yield [
        { kind: 'text', text: text.slice(0, end) },
        { isFirst: begins, isLast: false },
      ];
      [rest, begins] = [{ kind: 'text', text: text.slice(end) }, false];
    }
    yield [rest, { isFirst: begins, isLast }];
  }

  /** Stores what is waiting, then writes down where to go on. */
  async #commit(next: Manifest['next'], isDone = false): Promise<void> {
    const shards = { train: [...this.#manifest.shards.train], validation: [...this.#manifest.shards.validation] };
    for (const stream of ['train', 'validation'] as const) {
      const buffer = this.#buffers[stream];
      if (buffer.length === 0) continue;
      const { folder, vocabSize } = this.#job;
      const shard = await writeShard(folder, stream, shards[stream].length, buffer.take(), vocabSize);
      shards[stream].push(shard);
      this.#stored[stream] += shard.tokens;
    }
    this.#manifest = {
      ...this.#manifest,
      isDone,
      next,
      documents: this.#documents,
      shards,
      fileEnds: [...this.#fileEnds],
    };
    await writeManifest(this.#job.folder, this.#manifest);
  }

  #tokensOf(stream: StreamName): number {
    return this.#stored[stream] + this.#buffers[stream].length;
  }

  #waiting(): number {
    return this.#buffers.train.length + this.#buffers.validation.length;
  }

  /** Not for every document, but always after a shard was stored. */
  #report(index: number, bytesRead: number, isStored = false): void {
    const { files, onProgress } = this.#job;
    const file = files[index];
    if (!file || !onProgress) return;
    const before = files.slice(0, index).reduce((sum, { bytes }) => sum + bytes, 0);
    const loaded = before + Math.min(bytesRead, file.bytes);
    if (loaded - this.#reported < REPORT_BYTES && !isStored) return;
    this.#reported = loaded;
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const tokens = this.#tokensOf('train') + this.#tokensOf('validation');
    onProgress({ file: file.path, index, files: files.length, loaded, total, documents: this.#documents, tokens });
  }
}
