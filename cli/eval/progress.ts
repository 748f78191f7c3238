/** How a run goes: a bar with rate, time that is left and means so far on a terminal; else a line now and then. */
import { SingleBar } from 'cli-progress';
import type { RunningMean } from '../../src/node.ts';
import { duration } from '../work.ts';

export interface EvaluationBar {
  update(done: number, total: number, means: () => readonly RunningMean[]): void;
  /** Prints a line above the bar. */
  tell(message: string): void;
  end(): void;
}

/** Between two lines where there is no terminal, milliseconds. */
const INTERVAL_MS = 30_000;

/** More means than this do not fit into a line. */
const MOST_MEANS = 3;

export function evaluationBar(label: string): EvaluationBar {
  const isTerminal = process.stderr.isTTY;
  const bar = new SingleBar({
    format: `${label} [{bar}] {value}/{total}, {rate}{means}`,
    stream: process.stderr,
    clearOnComplete: true,
    fps: 4,
  });
  let begin: { readonly at: number; readonly done: number } | undefined;
  let told = performance.now();
  let isOpen = false;
  return {
    update(done, total, means) {
      begin ??= { at: performance.now(), done };
      const now = performance.now();
      const isDue = isTerminal ? now - told > 250 || !isOpen : now - told > INTERVAL_MS;
      if (!isDue) return;
      told = now;
      const facts = { rate: rateOf(done - begin.done, total - done, now - begin.at), means: textOf(means()) };
      if (!isTerminal) {
        process.stderr.write(`${label}: ${done} of ${total} requests, ${facts.rate}${facts.means}\n`);
        return;
      }
      if (!isOpen) bar.start(total, done, facts);
      isOpen = true;
      bar.update(done, facts);
    },
    tell(message) {
      if (isOpen) process.stderr.write('\r\x1b[K');
      process.stderr.write(`${message}\n`);
    },
    end() {
      if (isOpen) bar.stop();
      isOpen = false;
    },
  };
}

function rateOf(done: number, left: number, ms: number): string {
  if (done === 0) return 'beginning';
  const perSecond = (1000 * done) / ms;
  const rate = perSecond < 10 ? perSecond.toPrecision(2) : perSecond.toFixed(0);
  return `${rate} requests/s, ${duration(left / perSecond)} left`;
}

function textOf(means: readonly RunningMean[]): string {
  const shown = means.slice(-MOST_MEANS).map(({ task, metric, mean }) => `${task} ${metric} ${mean.toFixed(4)}`);
  return shown.length === 0 ? '' : `; ${shown.join(', ')}`;
}
