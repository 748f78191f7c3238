/** A progress bar on stderr, only when that is a terminal. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  update(loaded: number, total: number | undefined, file?: string): void;
  end(): void;
}

export function progressBar(label: string): Progress {
  if (!process.stderr.isTTY) return { update: () => {}, end: () => {} };
  const bar = new SingleBar({
    format: `${label} {file} [{bar}] {percentage}% {megabytes} MB`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
  });
  let started = false;
  return {
    update(loaded, total = loaded, file = '') {
      const facts = { file, megabytes: (loaded / 1e6).toFixed(0) };
      if (started) bar.setTotal(total);
      else bar.start(total, 0, facts);
      started = true;
      bar.update(loaded, facts);
    },
    end: () => bar.stop(),
  };
}
