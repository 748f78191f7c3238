/** Answers as server-sent events: `data: JSON`, at the end `data: [DONE]`. */
import { apiErrorOf } from './api-error.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

export interface EventStreamOptions {
  /** The client has gone, or the time is over: what makes the events is freed, even if nobody reads. */
  readonly signal: AbortSignal;
  /** Stops what makes the events: the client has gone. */
  readonly abort: AbortController;
  /** Called with an error that ends the stream. */
  readonly onError: (error: unknown) => void;
  /** Called once, at the end. */
  readonly onEnd: () => void;
}

/**
 * A stream of these events. The first is awaited before, so that an error in the request still gets a status of its own. Later events are made
 * when the client reads: a slow one holds up nobody else. An error ends the stream with an event { error }.
 */
export async function eventStream(events: AsyncGenerator<unknown>, options: EventStreamOptions): Promise<Response> {
  const encoder = new TextEncoder();
  const { signal, abort, onError, onEnd } = options;
  let next: Promise<IteratorResult<unknown>> | undefined = Promise.resolve(await events.next());
  let ended = false;
  let fail = () => {};
  const end = () => {
    signal.removeEventListener('abort', fail);
    if (!ended) onEnd();
    ended = true;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        fail = () => {
          onError(signal.reason);
          void events.return(undefined).catch(() => {});
          end();
          controller.error(signal.reason);
        };
        if (signal.aborted) fail();
        else signal.addEventListener('abort', fail);
      },
      async pull(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(`data: ${text}\n\n`));
        try {
          const { done, value } = await (next ?? events.next());
          next = undefined;
          if (ended) return;
          if (!done) return send(JSON.stringify(value));
          send('[DONE]');
        } catch (error) {
          if (ended) return;
          onError(error);
          send(JSON.stringify(apiErrorOf(error).body));
        }
        end();
        controller.close();
      },
      async cancel() {
        end();
        abort.abort();
        await events.return(undefined).catch(() => {});
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(stream, { headers: HEADERS });
}
