/**
 * Keeps two runs out of one folder. Each puts a file with its process into the folder, then looks for those of others: of two that start at once,
 * both may give up, but never go both on. Files of processes that have ended are removed.
 */
import { open, readdir, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { discard, hold, removeAbandoned, temporaryName } from '../checkpoint/temporary-node.ts';
import { refused, type SystemError } from '../checkpoint/write-errors.ts';

const NAME = 'run';

/** The file of a running process is renewed in this interval; see ABANDONED_MS of temporary-node.ts. */
const RENEW_MS = 600_000;

/** Returns what ends the lock. Throws UsageError when another run has it. `does`: what runs do there, for the message, as in `trains in`. */
export async function lockFolder(folder: string, does: string): Promise<() => Promise<void>> {
  const own = join(folder, temporaryName(NAME));
  await removeAbandoned(join(folder, NAME));
  const handle = await open(hold(own), 'wx').catch((error: SystemError) => {
    throw refused(own, error);
  });
  await handle.close();
  const others = (await readdir(folder)).filter((name) => name.startsWith(`.${NAME}.portmanteau-`));
  const other = others.find((name) => name !== basename(own));
  if (other !== undefined) {
    await discard(own);
    throw new UsageError(
      `another run ${does} ${folder}: wait for its end, or choose another folder. (If there is none, remove ${join(folder, other)}.)`,
    );
  }
  const renewed = setInterval(() => void utimes(own, new Date(), new Date()).catch(() => undefined), RENEW_MS);
  renewed.unref();
  return async () => {
    clearInterval(renewed);
    await discard(own);
  };
}
