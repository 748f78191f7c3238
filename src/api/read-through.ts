/** Reading a text as a whole. */
import type { Engine, Request } from '../runtime/engine.ts';

/** Reads one text with a state of its own. */
export async function readThrough(engine: Engine, request: Omit<Request, 'state'>): Promise<void> {
  const state = engine.newState();
  try {
    await engine.read([{ ...request, state }]);
  } finally {
    state.dispose();
  }
}
