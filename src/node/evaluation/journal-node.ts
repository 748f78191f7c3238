/**
 * The answers of a run, each written as soon as it is there, so that a run that was killed goes on where it was. An append-only file of lines, each
 * with a digest of itself: a line is there whole or not at all, no line depends on another, and the file needs no package that Node does not
 * have, as a database would.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { UsageError } from '../../base/errors.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { refused, type SystemError } from '../../checkpoint/write-errors.ts';
import { type AnswerJson, answerFromJson, answerToJson } from '../../evaluation/answer-json.ts';
import type { EvaluationAnswer } from '../../evaluation/requests.ts';
import { differences, type RunIdentity } from './identity-node.ts';

interface Header {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  /** When the run began: ISO 8601. */
  readonly started: string;
  readonly identity: RunIdentity;
}

const FORMAT = 'portmanteau evaluation';
const VERSION = 1;

export interface JournalOptions {
  /** Go on with the run that the file is of; without one, begin. False: an unfinished run is an error. */
  readonly resume: boolean;
  readonly now?: Date;
}

export class Journal {
  /** When the run began: ISO 8601. */
  readonly started: string;
  /** The answers so far, by the number of the request. */
  readonly answers: ReadonlyMap<number, EvaluationAnswer>;
  readonly #file: string;
  readonly #descriptor: number;

  private constructor(file: string, { started }: Header, answers: ReadonlyMap<number, EvaluationAnswer>) {
    this.#file = file;
    this.started = started;
    this.answers = answers;
    this.#descriptor = guarded(file, () => openSync(file, 'a'));
  }

  /** Throws UsageError when there is an unfinished run that is not to go on, or another one, and when the file cannot be written. */
  static async open(
    file: string,
    identity: RunIdentity,
    { resume, now = new Date() }: JournalOptions,
  ): Promise<Journal> {
    const { lines, isWhole } = linesOf(file);
    const [header, ...entries] = lines as [Header | undefined, ...Entry[]];
    if (header) checkHeader(file, header);
    if (header && entries.length > 0) {
      if (!resume)
        throw new UsageError(
          `${file} has the answers of a run that did not end: go on with it by --resume, or remove the file to begin anew.`,
        );
      checkSame(file, header.identity, identity);
      if (!isWhole) await writeLines(file, lines);
      return new Journal(file, header, new Map(entries.map(({ index, answer }) => [index, answerFromJson(answer)])));
    }
    const begun: Header = { format: FORMAT, version: VERSION, started: now.toISOString(), identity };
    await writeLines(file, [begun]);
    return new Journal(file, begun, new Map());
  }

  /** Writes some answers, by the numbers of their requests. */
  write(answers: readonly { readonly index: number; readonly answer: EvaluationAnswer }[]): void {
    const text = answers.map(({ index, answer }) => lineOf({ index, answer: answerToJson(answer) })).join('');
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; )
      at += guarded(this.#file, () => writeSync(this.#descriptor, bytes, at, bytes.length - at));
  }

  /** Closes the file, which keeps its answers. */
  close(): void {
    guarded(this.#file, () => fsyncSync(this.#descriptor));
    closeSync(this.#descriptor);
  }

  /** Removes the file, when the results are written. */
  remove(): void {
    closeSync(this.#descriptor);
    guarded(this.#file, () => rmSync(this.#file));
  }
}

interface Entry {
  readonly index: number;
  readonly answer: AnswerJson;
}

const digestOf = (json: string): string => createHash('sha256').update(json).digest('hex').slice(0, 16);

function lineOf(value: object): string {
  const json = JSON.stringify(value);
  return `${digestOf(json)} ${json}\n`;
}

const writeLines = (file: string, values: readonly object[]): Promise<void> =>
  writeFileWhole(file, [new TextEncoder().encode(values.map(lineOf).join(''))]);

/** The values of the whole lines, and whether all lines are whole. Throws UsageError when the first one, which was written whole, is damaged. */
function linesOf(file: string): { readonly lines: readonly object[]; readonly isWhole: boolean } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return { lines: [], isWhole: true };
    throw refused(file, error as SystemError);
  }
  const found = text.split('\n');
  const rest = found.pop() as string; // empty, or cut off
  const values = found.map((line) => (line.slice(0, 16) === digestOf(line.slice(17)) ? line.slice(17) : undefined));
  if (text !== '' && values[0] === undefined)
    throw new UsageError(`${file} is no file of answers, or damaged at its beginning: remove it to begin anew.`);
  const whole = values.filter((json) => json !== undefined);
  return {
    lines: whole.map((json) => JSON.parse(json) as object),
    isWhole: rest === '' && whole.length === values.length,
  };
}

function checkHeader(file: string, { format, version }: Partial<Header>): void {
  if (format !== FORMAT) throw new UsageError(`${file} does not begin as a file of answers: remove it to begin anew.`);
  if (version !== VERSION)
    throw new UsageError(
      `${file} has the answers of a run of another version of this program (form ${String(version)}, wanted ${VERSION}): go on with that version, or remove the file to begin anew.`,
    );
}

function checkSame(file: string, before: RunIdentity, now: RunIdentity): void {
  const differ = differences(before, now);
  if (differ.length === 0) return;
  throw new UsageError(
    `the run of ${file} differs from this one in: ${differ.join(', ')}. Give the same model, tasks, data and options, or begin in another folder.`,
  );
}

function guarded<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw refused(file, error as SystemError);
  }
}
