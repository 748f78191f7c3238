/** A progress bar on stderr, only when that is a terminal. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  update(loaded: number, total: number | undefined, file?: string): void;
  /** A line of its own above the bar. */
  warn(message: string): void;
  end(): void;
}

const asMegabytes = (total: number) => `${(total / 1e6).toFixed(0)} MB`;

/** `amount`: how a total is told. */
export function progressBar(label: string, amount: (total: number) => string = asMegabytes): Progress {
  const warn = (message: string) => void process.stderr.write(`warning: ${message}\n`);
  if (!process.stderr.isTTY) return { update: () => {}, warn, end: () => {} };
  const bar = new SingleBar({
    format: `${label}{file} [{bar}] {percentage}% of {amount}`,
    stream: process.stderr,
    clearOnComplete: true,
    fps: 10,
  });
  let started = false;
  return {
    update(loaded, total = loaded, file = '') {
      const facts = { file: file && ` ${file}`, amount: amount(total) };
      if (started) bar.setTotal(total);
      else bar.start(total, 0, facts);
      started = true;
      bar.update(loaded, facts);
    },
    warn(message) {
      if (started) process.stderr.write('\r\x1b[K');
      warn(message);
    },
    end: () => bar.stop(),
  };
}
