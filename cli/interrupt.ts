/** Ctrl-C: the first asks everything to stop cleanly, the second ends the process. */
export const interrupt = new AbortController();

process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});
