/** Calls when a signal is aborted, by one listener for all of them: of more than ten Node warns as of a leak. */

interface Calls {
  readonly all: Set<() => void>;
  readonly listener: () => void;
}

const callsOf = new WeakMap<AbortSignal, Calls>();

/** Returns what stops listening. Does not call when the signal is aborted already. */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  const calls = callsOf.get(signal) ?? newCalls();
  callsOf.set(signal, calls);
  const { all, listener } = calls;
  const own = () => call(); // so that the same function may listen twice
  if (all.size === 0) signal.addEventListener('abort', listener, { once: true });
  all.add(own);
  return () => {
    if (all.delete(own) && all.size === 0) signal.removeEventListener('abort', listener);
  };
}

function newCalls(): Calls {
  const all = new Set<() => void>();
  const listener = () => {
    for (const call of [...all]) {
      if (all.delete(call)) call();
    }
  };
  return { all, listener };
}
