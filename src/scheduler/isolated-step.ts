/**
 * A step in which the failure of one request harms no other. What may fail because of its caller, such as a function that gives a strength,
 * runs in a pass of its own. When the pass of all others fails, each of them is tried alone.
 */
import type { Engine, Outcome, Request } from '../runtime/engine.ts';
import type { State } from '../runtime/state.ts';

/** `given`: states from outside, which cannot be read again from the start. */
export async function isolatedStep(
  engine: Engine,
  requests: readonly Request[],
  given: ReadonlySet<State>,
): Promise<Outcome[]> {
  const outcomes = new Map<Request, Outcome>();
  const together = requests.filter((request) => !mayFail(request));
  const alone = requests.filter(mayFail);
  try {
    const found = together.length > 0 ? await engine.step(together) : [];
    for (const [i, request] of together.entries()) outcomes.set(request, found[i] as Outcome);
  } catch (error) {
    // What taps saw in the pass that failed cannot be taken back.
    for (const request of together)
      if (together.length === 1 || request.tap) outcomes.set(request, failed(error));
      else alone.unshift(request);
  }
  for (const request of alone) outcomes.set(request, await tried(engine, request, given));
  return requests.map((request) => outcomes.get(request) as Outcome);
}

/** Does it run code of its caller, or replace whole values, whose sizes are only known in the pass? */
function mayFail({ tap, interventions }: Request): boolean {
  if (tap && !tap.onlyLooks) return true;
  const all = interventions?.interventions;
  if (!all) return false;
  const { replacements, edits, gains } = all;
  const sources = [...[...edits.values()].flat(), ...gains].map(({ source }) => source);
  return replacements.length > 0 || sources.some(({ varies }) => varies);
}

async function tried(engine: Engine, request: Request, given: ReadonlySet<State>): Promise<Outcome> {
  try {
    if (!request.state.intact && !given.has(request.state)) await readAgain(engine, request);
    return (await engine.step([request]))[0] as Outcome;
  } catch (error) {
    return failed(error);
  }
}

/** Restores a recurrent state that another's failure left half updated: reading the same tokens again gives the same bits. */
async function readAgain(engine: Engine, { state, interventions, adapter }: Request): Promise<void> {
  const ids = [...state.ids];
  await state.rewind(0);
  await engine.read([{ ids, state, rows: 'none', interventions, adapter }]);
}

const failed = (error: unknown): Outcome => ({ output: new Float32Array(0), failure: { error } });
