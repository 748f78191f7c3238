/** Waits for idle processors before something is measured. */
import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';

/** Processors of which no more than this is in use are idle. */
const IDLE_SHARE = 0.1;

/** The share of all processors that was in use during a second. */
async function busyShare() {
  const times = () => {
    const all = cpus().map((cpu) => cpu.times);
    const sum = (of) => all.reduce((total, time) => total + of(time), 0);
    return { idle: sum(({ idle }) => idle), all: sum((time) => Object.values(time).reduce((a, b) => a + b)) };
  };
  const before = times();
  await setTimeout(1000);
  const after = times();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** Waits at most `patience` seconds; how busy the processors then are. */
export async function quiet(patience) {
  const end = performance.now() + 1000 * patience;
  let busy = await busyShare();
  while (busy > IDLE_SHARE && performance.now() < end) busy = await busyShare();
  return busy;
}
