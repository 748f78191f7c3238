import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/base/on-abort.ts';

test('all who listen to a signal are called once, by one listener, and none who has stopped; nothing is left at the signal', () => {
  const abort = new AbortController();
  const { signal } = abort;
  const listeners = () => getEventListeners(signal, 'abort').length;
  const called: number[] = [];
  const stops = Array.from({ length: 30 }, (_, i) => onAbort(signal, () => called.push(i)));
  expect(listeners()).toBe(1);
  for (const stop of stops) stop();
  expect(listeners()).toBe(0);
  onAbort(signal, () => {
    called.push(1);
    last();
  });
  const same = () => called.push(2);
  onAbort(signal, same);
  onAbort(signal, same);
  const last = onAbort(signal, () => called.push(3)); // stopped by one who is called before it
  abort.abort();
  abort.abort();
  expect(called).toEqual([1, 2, 2]);
  expect(listeners()).toBe(0);
});
