/** A server as a process of its own. */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Starts one that tells on standard output where it listens, and waits until it is ready: `GET /health` answers 200, or it has none. */
export async function startServer(spawn, command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let [said, failed] = ['', ''];
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(`${code ?? signal}`)));
  child.stderr.on('data', (text) => (failed = `${failed}${text}`.slice(-4000)));
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => {
      said += text;
      const found = /listens on (http:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${failed}`)));
  });
  for (;;) {
    const { status } = await fetch(`${url}/health`).catch(() => ({}));
    if (status !== 503) break;
    await setTimeout(100);
  }
  return {
    ...{ url, said, child, ended },
    errors: () => failed,
    /** Of resident memory, where the system tells (Linux). */
    peakBytes() {
      try {
        const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        return 1024 * Number(kilobytes);
      } catch {
        return undefined;
      }
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
