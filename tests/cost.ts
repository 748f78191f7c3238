/**
 * Milliseconds that work cost, for limits which only the wrong algorithm can break. The time of the process leaves out
 * what other processes do; the time of the clock leaves out what other threads do; the shorter of the two is given.
 */
export async function costOf(work: () => unknown): Promise<number> {
  const clock = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return Math.min(performance.now() - clock, (user + system) / 1000);
}
