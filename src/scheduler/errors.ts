/** Why a request is not served. */
import { UsageError } from '../base/errors.ts';

/** As many requests wait as may. Trying again later helps. */
export class QueueFullError extends Error {
  override name = 'QueueFullError';
  /** When there will probably be room, at the present speed. A whole number, from 1 on. */
  readonly retryAfterSeconds: number;
  constructor(waiting: number, retryAfterSeconds: number) {
    super(`${waiting} requests wait already, as many as may: try again in ${retryAfterSeconds} seconds.`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A request needs more memory than there can be for states and what is captured. Waiting does not help; a smaller request does. */
export class StateMemoryError extends UsageError {
  override name = 'StateMemoryError';
  readonly neededBytes: number;
  readonly memoryBytes: number;
  constructor(tokens: number, neededBytes: number, memoryBytes: number, held = 0) {
    const others = held > 0 ? `, of which ${held} are held by states outside of the scheduler` : '';
    super(
      `a request of up to ${tokens} tokens needs ${neededBytes} bytes for its state and what is captured, and there are ${memoryBytes}${others}. Give a shorter prompt, fewer sites or a ` +
        'smaller maxNewTokens, or the scheduler more memory.',
    );
    this.neededBytes = neededBytes;
    this.memoryBytes = memoryBytes;
  }
}

/** Another request uses this state: what it will have read is not known yet. */
export class StateBusyError extends UsageError {
  override name = 'StateBusyError';
  constructor() {
    super('another request continues this state: wait until it has ended, or continue a clone.');
  }
}

/** The scheduler is draining or closed. */
export class SchedulerClosedError extends Error {
  override name = 'SchedulerClosedError';
  constructor(state: 'draining' | 'closed') {
    super(state === 'draining' ? 'no new requests are taken: the scheduler is draining.' : 'the scheduler was closed.');
  }
}
