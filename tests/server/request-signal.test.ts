/** The signal of a request holds nothing after its end: listeners of the client's signal would be kept as long as its connection. */
import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { requestSignal } from '../../src/server/http/request-signal.ts';
import { served } from './served.ts';

describe('the signal of a request', () => {
  test('is aborted by its client, with its reason, also when that was before', () => {
    for (const before of [true, false]) {
      const client = new AbortController();
      if (before) client.abort('gone');
      const { abort, release } = requestSignal(client.signal, 10);
      client.abort('gone');
      expect(abort.signal.reason).toBe('gone');
      release();
    }
  });

  test('is aborted when the time is over, and not after its end; a time beyond what timers have is not over at once', () => {
    vi.useFakeTimers();
    try {
      const client = new AbortController().signal;
      const [late, ended, longest] = [2, 2, 1e9].map((seconds) => requestSignal(client, seconds));
      ended?.release();
      vi.advanceTimersByTime(2500);
      expect(late?.abort.signal.reason).toMatchObject({ name: 'TimeoutError' });
      expect([ended, longest].map((one) => one?.abort.signal.aborted)).toEqual([false, false]);
      late?.release();
      longest?.release();
      expect([vi.getTimerCount(), getEventListeners(client, 'abort').length]).toEqual([0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });
});

test.each([false, true])('an answer leaves nothing at the signal of its client (stream: %s)', async (stream) => {
  const { handler } = await served('granite-tiny');
  const add = vi.spyOn(AbortSignal.prototype, 'addEventListener');
  const remove = vi.spyOn(AbortSignal.prototype, 'removeEventListener');
  const any = vi.spyOn(AbortSignal, 'any');
  try {
    const body = JSON.stringify({ model: 'granite-tiny', prompt: 'The', max_tokens: 2, stream });
    const headers = { 'content-type': 'application/json' };
    const response = await handler.fetch(
      new Request('http://server/v1/completions', { method: 'POST', headers, body }),
    );
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const aborts = (calls: readonly (readonly unknown[])[]) => calls.filter(([type]) => type === 'abort').length;
    expect(aborts(remove.mock.calls)).toBeGreaterThanOrEqual(aborts(add.mock.calls));
    expect(any).not.toHaveBeenCalled();
  } finally {
    vi.restoreAllMocks();
  }
});
