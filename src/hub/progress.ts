/** Parallel downloads with one progress count. */

export type OnProgress = (progress: { file: string; loaded: number; total: number | undefined }) => void;

/**
 * Takes the bytes of each file and reports the sum over all files. When a file starts again, the sum does not decrease, but waits until the
 * file has caught up.
 */
export function progressOver(
  files: readonly (readonly [string, number])[],
  onProgress: OnProgress | undefined,
): (file: string, bytes: number) => void {
  const total = files.reduce((sum, [, bytes]) => sum + bytes, 0);
  const reached = new Map<string, number>();
  let loaded = 0;
  return (file, bytes) => {
    const before = reached.get(file) ?? 0;
    if (bytes <= before && reached.has(file)) return;
    reached.set(file, bytes);
    loaded += bytes - before;
    onProgress?.({ file, loaded, total });
  };
}

/** Runs `work` for all items, some in parallel. After the first failure the others are aborted, and it is thrown. */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const rest = items[Symbol.iterator]();
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (const item of rest) {
      if (failure) return;
      try {
        await work(item, both);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failure) throw failure.error;
}
