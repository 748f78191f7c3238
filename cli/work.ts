/** Shows how far something long is: a bar with the time that is left on a terminal, else one line that says beforehand how long it will take. */
import { SingleBar } from 'cli-progress';
import type { WorkProgress } from '../src/node.ts';

export interface Work {
  update(progress: WorkProgress): void;
  end(): void;
}

/** After so long a rate is told, milliseconds; what takes less than twice that needs no line. */
const TELL_AFTER = 4000;

/** `note`: what is added to the line, such as what an interruption leaves. */
export function workBar(label: string, note = ''): Work {
  return process.stderr.isTTY ? bar(label) : line(label, note);
}

function bar(label: string): Work {
  const shown = new SingleBar({
    format: `${label} [{bar}] {percentage}%, {left} left`,
    stream: process.stderr,
    clearOnComplete: true,
    fps: 4,
  });
  const left = estimate();
  let started = false;
  return {
    update({ done, total }) {
      const text = duration(left(done, total));
      if (!started) shown.start(total, done, { left: text });
      started = true;
      shown.update(done, { left: text });
    },
    end: () => shown.stop(),
  };
}

function line(label: string, note: string): Work {
  const left = estimate();
  const begin = performance.now();
  let told = false;
  return {
    update({ done, total }) {
      const seconds = left(done, total);
      if (told || performance.now() - begin < TELL_AFTER || Number.isNaN(seconds)) return;
      told = true;
      if (seconds > TELL_AFTER / 1000)
        process.stderr.write(`${label}: ${done} of ${total}, about ${duration(seconds)} left${note && `; ${note}`}\n`);
    },
    end: () => {},
  };
}

/** Seconds that are left, by the rate since the first report: what was there before does not count as done now. */
function estimate(): (done: number, total: number) => number {
  let first: { readonly at: number; readonly done: number } | undefined;
  return (done, total) => {
    first ??= { at: performance.now(), done };
    const since = done - first.done;
    return since > 0 ? ((total - done) * (performance.now() - first.at)) / 1000 / since : Number.NaN;
  };
}

/** `40 s`, `12 min`, `3.1 h`, `5.2 days`, `1,230 years` */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'some time';
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const days = seconds / 86400;
  if (days < 2) return `${(seconds / 3600).toFixed(1)} h`;
  const [count, name] = days < 365 ? [days, 'days'] : [days / 365.25, 'years'];
  return `${Number(count.toPrecision(3)).toLocaleString('en')} ${name}`;
}
