/**
 * Learning rates as functions of the step, which counts from 0: the rate of step s is that with which its update is made. Sources:
 * mlfoundations/open_lm scheduler.py (warm-up, cosine, cooldown), transformers optimization.py and optax (warm-up from 0, linear), the
 * Granite 3.0 report, equation 9 (power), with the decay of IBM/dolomite-engine (exponential).
 */
import { cos, exp, pow } from '../../base/math.ts';
import { kinds, type Option, option } from '../../options/option.ts';
import { only, type SectionOutput, section, variants } from '../../options/section.ts';
import type { RunLength } from './run-length.ts';

const WARMUP = {
  /** Steps of the warm-up, in which the rate grows in equal parts. */
  warmup: option(kinds.fromZero, 'steps in which the rate grows in equal parts', 0),
  /** In the warm-up the rate of step s is lr (s + this) / warmup: 1 as in OpenLM, 0 as in transformers and optax. */
  warmupOffset: option(
    kinds.share,
    'in the warm-up the rate of step s is lr (s + this) / warmup; 1: OpenLM, 0: transformers and optax',
    1,
  ),
};

const FLOOR = { floor: option(kinds.notNegative, 'rate at the end', 0) };

const CONSTANT = { name: only('constant'), ...WARMUP };
const LINEAR = { name: only('linear'), ...WARMUP, ...FLOOR };
const COSINE = { name: only('cosine'), ...WARMUP, ...FLOOR };
const EXPONENTIAL = { name: only('exponential'), ...WARMUP, ...FLOOR };
const COOLDOWN = {
  name: only('cooldown'),
  ...WARMUP,
  ...FLOOR,
  /** Steps at the end in which the rate falls to the floor. */
  cooldown: option(kinds.fromOne, 'steps at the end in which the rate falls to the floor'),
  /** The rate falls with the share of these steps that is left, to this power. */
  power: option(
    kinds.positive,
    'the rate falls with the share of those steps that is left, to this power; 1: a line',
    1,
  ),
};
const POWER = {
  name: only('power'),
  ...WARMUP,
  /** The rate is at most lr, and at most batch * a * n^b after n tokens; batch in sequences. */
  a: option(kinds.positive, 'the rate is at most lr, and at most batch * a * n^b after n tokens', 4),
  b: option(kinds.finite, 'exponent of the number of tokens', -0.51),
  /** Sequences of a batch in that formula. */
  batch: option(kinds.positive, 'sequences of a batch in that formula (default: those of a step of this run)'),
  /** Steps at the end in which the rate falls exponentially. */
  decay: option(kinds.fromZero, 'steps at the end in which the rate falls exponentially', 0),
  /** The rate at the end, as a share of that before the decay. */
  decayFloor: option(kinds.share, 'rate at the end, as a share of that before the decay', 0),
};

/** How the learning rate changes during a run. */
export const SCHEDULE = variants('name', [
  section(CONSTANT, ['name']),
  section(LINEAR, ['name']),
  section(COSINE, ['name']),
  section(EXPONENTIAL, ['name']),
  section(COOLDOWN, ['name', 'cooldown']),
  section(POWER, ['name']),
]);

/** A schedule with its defaults filled in. */
export type Schedule = typeof SCHEDULE extends Option<infer T> ? T : never;
type Power = SectionOutput<typeof POWER, 'name'>;

/** The rate of each step. `peak`: the rate of the optimiser's options, which a schedule reaches after the warm-up. */
export function learningRate(schedule: Schedule, peak: number, length: RunLength): (step: number) => number {
  if (schedule.name === 'power') return powerRate(schedule, peak, length);
  const { warmup, warmupOffset } = schedule;
  const after = afterWarmup(schedule, peak, length.steps);
  return (step) => (step < warmup ? (peak * (step + warmupOffset)) / warmup : after(step));
}

function afterWarmup(schedule: Exclude<Schedule, Power>, peak: number, steps: number): (step: number) => number {
  const { name, warmup } = schedule;
  const span = Math.max(1, steps - warmup);
  switch (name) {
    case 'constant':
      return () => peak;
    case 'linear':
      return (step) => schedule.floor + (peak - schedule.floor) * Math.max(0, (steps - step) / span);
    case 'cosine':
      return (step) => {
        const share = Math.min(1, (step - warmup) / span);
        return schedule.floor + 0.5 * (1 + cos(Math.PI * share)) * (peak - schedule.floor);
      };
    case 'exponential':
      return (step) => peak * exponentialDecay(Math.min(1, (step - warmup) / span), schedule.floor / peak);
    case 'cooldown':
      return (step) => {
        const left = Math.min(1, Math.max(0, (steps - step) / schedule.cooldown));
        return schedule.floor + toThe(left, schedule.power) * (peak - schedule.floor);
      };
    default:
      return name satisfies never;
  }
}

/** x^y, exact for y = 1. */
const toThe = (x: number, y: number): number => (y === 1 || x === 0 ? x : pow(x, y));

/**
 * n: tokens read before the step. The warm-up leads to what the formula gives at its end, as in dolomite-engine; where that is `peak`, this
 * is the report's formula.
 */
function powerRate(schedule: Power, peak: number, length: RunLength): (step: number) => number {
  const { warmup, warmupOffset, a, b, decay, decayFloor, batch = length.sequencesPerStep } = schedule;
  const atTokens = (tokens: number) => (tokens === 0 ? peak : Math.min(peak, batch * a * pow(tokens, b)));
  const at = (step: number) => atTokens(length.tokensBefore(step));
  const firstDecayed = length.steps - decay;
  return (step) => {
    if (step < warmup) return (at(warmup) * (step + warmupOffset)) / warmup;
    if (decay === 0 || step < firstDecayed) return at(step);
    return at(firstDecayed) * exponentialDecay(Math.min(1, (step - firstDecayed) / decay), decayFloor);
  };
}

/** 1 at x = 0, `floor` at x = 1, exponential between (dolomite-engine). */
export function exponentialDecay(x: number, floor: number): number {
  return ((1 - floor) * Math.E * exp(-x) + (floor * Math.E - 1)) / (Math.E - 1);
}
