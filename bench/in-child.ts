/** Measures in a process of its own: the most memory that a process has had is told for its whole life. */
import { fork } from 'node:child_process';
import { CheckpointError, FetchError, UsageError } from '../src/base/errors.ts';
import type { Told } from './child.ts';
import type { Measurement, Task } from './measure.ts';

export interface ChildOptions {
  /** Ends the process. */
  readonly signal?: AbortSignal | undefined;
  /** How many rounds have ended; 0 after that which warms up. */
  readonly onRound?: (ended: number) => void;
}

/** Settles when the process has ended. Rejects with what was thrown there, or with the reason of an aborted signal. */
export async function measureInChild(task: Task, { signal, onRound }: ChildOptions = {}): Promise<Measurement> {
  signal?.throwIfAborted();
  const child = fork(new URL('./child.js', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const kill = () => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  process.once('exit', kill);
  let end: Exclude<Told, { kind: 'round' }> | undefined;
  try {
    const ended = await new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, how) => resolve(how ?? `exit code ${code}`));
      child.on('message', (told: Told) => {
        if (told.kind === 'round') return onRound?.(told.ended);
        end = told;
        child.disconnect();
      });
      child.send(task);
    });
    signal?.throwIfAborted();
    if (end?.kind === 'done') return end.measurement;
    if (end) throw errorOf(end.name, end.message);
    const help = ended === 'SIGKILL' ? ': was there too little memory?' : '';
    throw new Error(`the measuring process ended by ${ended} before it was done${help}`);
  } finally {
    process.off('exit', kill);
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

function errorOf(name: string, message: string): Error {
  const known = [UsageError, CheckpointError, FetchError].find((type) => type.name === name);
  return known ? new known(message) : new Error(message);
}
