/**
 * Lets everything else run that waits for its turn: sockets, signals, timers, pages. Computing on one thread never waits, so that without
 * pauses nothing else would run while there is work.
 */
const { setImmediate } = globalThis as { readonly setImmediate?: (call: () => void) => unknown };

/** Of two ports, as setTimeout waits some milliseconds when it is called again and again. */
const channel = setImmediate ? undefined : new MessageChannel();
channel?.port1.start();

export function pause(): Promise<void> {
  return new Promise((resolve) => {
    if (!channel) {
      setImmediate?.(resolve);
      return;
    }
    channel.port1.addEventListener('message', () => resolve(), { once: true });
    channel.port2.postMessage(undefined);
  });
}
