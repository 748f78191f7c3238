/** The metrics of a run: a file with a line of JSON for each step. Lines are written as they come; a run that goes on drops those that it will write again. */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { UsageError } from '../../base/errors.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { placeOf } from '../../checkpoint/output-place-node.ts';
import { refused, type SystemError } from '../../checkpoint/write-errors.ts';

export interface StepLine {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly [name: string]: unknown;
}

export class MetricsFile {
  readonly #file: string;
  readonly #descriptor: number;
  /** Was it opened here? */
  readonly #isOwn: boolean;

  private constructor(file: string, descriptor: number, isOwn: boolean) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.#isOwn = isOwn;
  }

  /** Keeps the lines of steps before `step`; `-` is standard output. Throws UsageError when the file cannot be written. */
  static async open(file: string, step: number): Promise<MetricsFile> {
    const place = await placeOf(file);
    if (place.kind === 'descriptor') return new MetricsFile(file, place.descriptor, false);
    const open = () =>
      new MetricsFile(
        file,
        guarded(file, () => openSync(file, 'a')),
        true,
      );
    if (place.kind === 'special') return open();
    const kept = step > 0 ? linesOf(file).filter((line) => line.step < step) : [];
    await writeFileWhole(file, [new TextEncoder().encode(kept.map((line) => `${JSON.stringify(line)}\n`).join(''))]);
    return open();
  }

  write(line: StepLine): void {
    guarded(this.#file, () => writeSync(this.#descriptor, `${JSON.stringify(line)}\n`));
  }

  /** To the disk, so that a checkpoint is never ahead of its metrics. */
  sync(): void {
    if (this.#isOwn) guarded(this.#file, () => fsyncSync(this.#descriptor));
  }

  close(): void {
    if (this.#isOwn) closeSync(this.#descriptor);
  }
}

/** The whole lines of a file of metrics; none when there is no file. A last line that was cut off is left out. */
export function linesOf(file: string): StepLine[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return [];
    throw refused(file, error as SystemError);
  }
  const lines = text.split('\n');
  lines.pop(); // empty, or cut off
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as StepLine;
    } catch (error) {
      throw new UsageError(`line ${i + 1} of ${file} is no JSON: give another file for the metrics.`, { cause: error });
    }
  });
}

function guarded<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw refused(file, error as SystemError);
  }
}
