/** Runs several generators at once, a few at a time. */

/**
 * The values of all, as they come; at most `parallel` run at once. After a failure, and when the loop is left, `abort` ends those that run.
 */
export async function* merged<T>(
  makers: readonly (() => AsyncGenerator<T, void, undefined>)[],
  parallel: number,
  abort: AbortController,
): AsyncGenerator<T, void, undefined> {
  const waiting = [...makers];
  const running = new Map<AsyncGenerator<T>, Promise<{ from: AsyncGenerator<T>; result: IteratorResult<T> }>>();
  const advance = (from: AsyncGenerator<T>) =>
    running.set(
      from,
      from.next().then((result) => ({ from, result })),
    );
  try {
    for (;;) {
      while (running.size < parallel && waiting.length > 0) advance((waiting.shift() as () => AsyncGenerator<T>)());
      if (running.size === 0) return;
      const { from, result } = await Promise.race(running.values());
      running.delete(from);
      if (result.done) continue;
      yield result.value;
      advance(from);
    }
  } finally {
    const left = [...running];
    if (left.length > 0) abort.abort();
    for (const [, promise] of left) promise.catch(() => {});
    await Promise.all(left.map(([from]) => from.return(undefined).catch(() => {})));
  }
}
