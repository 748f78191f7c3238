/** Decoding several sequences in one step: tokens per second of all together, and how many times those of one sequence they are. */
import { partsOf } from '../src/api/model.ts';
import type { Model } from '../src/node.ts';
import { median } from './bare-loop.ts';

export interface BatchRate {
  readonly sequences: number;
  /** Of all sequences together. */
  readonly tokensPerSecond: number;
  /** Against one sequence, by processor time: what else the machine does counts less. */
  readonly times: number;
}

/** Steps of one turn. */
const STEPS = 4;

/** One and several sequences by turns; medians of `rounds` rounds. */
export async function batchRates(model: Model, counts: readonly number[], rounds: number): Promise<BatchRate[]> {
  const seconds = counts.map((): number[] => []);
  const ratios = counts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, count] of counts.entries()) {
      const one = await turn(model, 1);
      const all = await turn(model, count);
      seconds[i]?.push(all.wall);
      ratios[i]?.push((count * one.processor) / all.processor);
    }
  }
  return counts.map((sequences, i) => ({
    sequences,
    tokensPerSecond: sequences / median(seconds[i] as number[]),
    times: median(ratios[i] as number[]),
  }));
}

/** Seconds of a step: the least of some, after two that record it. */
async function turn(model: Model, count: number): Promise<{ wall: number; processor: number }> {
  const { engine } = partsOf(model);
  const states = Array.from({ length: count }, () => model.newState());
  let at = 0;
  const step = () => {
    const id = (b: number) => (7919 * (at * count + b) + 13) % model.facts.vocabSize;
    at++;
    return engine.step(states.map((state, b) => ({ state, ids: [id(b)], summary: { top: 1 } })));
  };
  try {
    for (let n = 0; n < 2; n++) await step();
    const best = { wall: Number.POSITIVE_INFINITY, processor: Number.POSITIVE_INFINITY };
    for (let n = 0; n < STEPS; n++) {
      const before = process.cpuUsage();
      const begin = performance.now();
      await step();
      const { user, system } = process.cpuUsage(before);
      best.wall = Math.min(best.wall, (performance.now() - begin) / 1000);
      best.processor = Math.min(best.processor, (user + system) / 1e6);
    }
    return best;
  } finally {
    for (const state of states) state.dispose();
  }
}
