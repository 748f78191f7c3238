/**
 * The folder of a run:
 *   training.json          its configuration
 *   metrics.jsonl          a line for each step
 *   checkpoints/step-N     models after N steps, with the moments of the optimiser and run.json; written whole or not at all
 *   the trained model, when the run has ended; its config.json comes last
 */
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { makeFolder } from '../../base/make-folder-node.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import type { SavedFile } from '../../checkpoint/save.ts';
import { checkNewFolder, writeFolderWhole } from '../../checkpoint/save-node.ts';
import { discard, hold, temporaryBeside } from '../../checkpoint/temporary-node.ts';
import { refused, type SystemError } from '../../checkpoint/write-errors.ts';
import type { TrainingConfig } from '../../training/config.ts';
import { lockFolder } from '../lock-node.ts';
import { type Best, RECORD } from './run-record-node.ts';

const CHECKPOINTS = 'checkpoints';
export const CONFIG = 'training.json';

const nameOf = (step: number): string => `step-${String(step).padStart(8, '0')}`;

export class RunFolder {
  readonly path: string;
  readonly #unlock: () => Promise<void>;

  private constructor(path: string, unlock: () => Promise<void>) {
    this.path = path;
    this.#unlock = unlock;
  }

  /** Makes and locks the folder. Throws UsageError when there is something in it and `resume` is not wanted, and when another run has it. */
  static async open(path: string, resume: boolean): Promise<RunFolder> {
    const there = await namesIn(path);
    if (there.length > 0 && !resume) {
      const isRun = there.includes(CONFIG) || there.includes(CHECKPOINTS);
      throw new UsageError(
        isRun
          ? `${path} has a run already: go on with --resume, or choose another folder.`
          : `${path} is not empty; choose a new folder.`,
      );
    }
    if (there.length > 0 && !there.some((name) => name === CONFIG || name === CHECKPOINTS || name.startsWith('.run.')))
      throw new UsageError(`${path} has no run to go on with: it has neither ${CONFIG} nor ${CHECKPOINTS}.`);
    if (there.length === 0) await checkNewFolder(path);
    await makeFolder(join(path, CHECKPOINTS)).catch((error: SystemError) => {
      throw refused(path, error);
    });
    const folder = new RunFolder(path, await lockFolder(path, 'trains in'));
    // Nobody else writes here: what is temporary was left by a process that has ended.
    for (const name of await namesIn(folder.#checkpoints))
      if (/^\..*\.portmanteau-/.test(name)) await rm(join(folder.#checkpoints, name), { recursive: true, force: true });
    return folder;
  }

  get #checkpoints(): string {
    return join(this.path, CHECKPOINTS);
  }

  /** Steps after which there is a checkpoint, in order. */
  async steps(): Promise<number[]> {
    const names = await namesIn(this.#checkpoints);
    return names.flatMap((name) => (/^step-\d+$/.test(name) ? [Number(name.slice(5))] : [])).sort((a, b) => a - b);
  }

  checkpoint(step: number): string {
    return join(this.#checkpoints, nameOf(step));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async saveConfig(config: TrainingConfig): Promise<void> {
    const text = `${JSON.stringify(config, undefined, 2)}\n`;
    await writeFileWhole(this.file(CONFIG), [new TextEncoder().encode(text)]);
  }

  /** Writes a checkpoint, then removes those that need not be kept. */
  async save(step: number, files: readonly SavedFile[], keep: number, best: Best | undefined): Promise<void> {
    const steps = await this.steps();
    if (!steps.includes(step)) await writeFolderWhole(this.checkpoint(step), files);
    const others = [...steps.filter((other) => other !== step), step].filter((other) => other !== best?.step);
    for (const old of others.slice(0, -keep)) await this.#remove(old);
  }

  /** Renamed first, so that what is half removed is no checkpoint. */
  async #remove(step: number): Promise<void> {
    const away = hold(temporaryBeside(this.checkpoint(step)));
    await rename(this.checkpoint(step), away);
    await discard(away);
  }

  /** Writes the trained model; the folder is a model once config.json is there. */
  async finish(files: readonly SavedFile[]): Promise<void> {
    await rm(this.file('config.json'), { force: true });
    const last = files.filter(({ name }) => name === 'config.json');
    for (const { name, bytes } of [...files.filter((file) => !last.includes(file)), ...last])
      if (name !== RECORD) await writeFileWhole(this.file(name), bytes());
  }

  /** A folder in which nothing was written goes away. */
  async close(): Promise<void> {
    await this.#unlock();
    for (const folder of [this.#checkpoints, this.path])
      if (
        !(await rmdir(folder).then(
          () => true,
          () => false,
        ))
      )
        return;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as SystemError).code === 'ENOENT') return [];
    throw refused(folder, error as SystemError);
  }
}
