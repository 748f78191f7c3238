/** Work that is done again when what it depends on changes. */
import { useEffect, useState } from 'preact/hooks';

export interface Run<T> {
  /** Of the last run that ended well: what is shown while the next is on its way. */
  readonly value: T | undefined;
  readonly error: Error | undefined;
  readonly busy: boolean;
}

/** Undefined as `work` means that there is nothing to do. Runs start when `deps` have not changed for `delayMs`; earlier ones are given up. */
export function useRun<T>(
  work: ((signal: AbortSignal) => Promise<T>) | undefined,
  deps: readonly unknown[],
  delayMs = 250,
): Run<T> {
  const [run, setRun] = useState<Run<T>>({ value: undefined, error: undefined, busy: work !== undefined });
  useEffect(() => {
    if (!work) return setRun((before) => ({ ...before, busy: false }));
    const controller = new AbortController();
    const { signal } = controller;
    setRun((before) => ({ ...before, busy: true }));
    const timer = setTimeout(async () => {
      try {
        const value = await work(signal);
        if (!signal.aborted) setRun({ value, error: undefined, busy: false });
      } catch (error) {
        if (!signal.aborted) setRun({ value: undefined, error: error as Error, busy: false });
      }
    }, delayMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, deps);
  return run;
}
