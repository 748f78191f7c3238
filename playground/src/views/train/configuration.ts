/** What the visitor chooses, as a configuration of the library. */
import type { TrainingOptions } from '../../../../src/web.ts';

export interface TrainingChoice {
  /** Pieces are divided by empty lines. */
  readonly text: string;
  readonly what: 'full' | 'lora';
  readonly steps: number;
  readonly rate: number;
  /** What is continued before, within and after the run. */
  readonly prompt: string;
}

/** Tokens of a row. */
const SEQUENCE = 96;
const ROWS = 8;
export const SAMPLE_TOKENS = 32;
/** Samples within a run. */
const SAMPLES = 4;

/** As a file of `portmanteau train` has it, but for `model`. */
export function configurationOf({ text, what, steps, rate, prompt }: TrainingChoice): Omit<TrainingOptions, 'model'> {
  return {
    train: what,
    data: { texts: text.split(/\n\s*\n/).filter((piece) => piece.trim()), sequence: SEQUENCE, tail: 'keep' },
    batch: ROWS,
    steps,
    optimizer: { name: 'adamw', lr: rate, betas: [0.9, 0.95], weightDecay: 0.1, decay: 'matrices' },
    schedule: { name: 'cosine', warmup: Math.ceil(steps / 8), floor: rate / 10 },
    clip: 1,
    samples: { prompts: [prompt], every: Math.max(1, Math.floor(steps / SAMPLES)), maxNewTokens: SAMPLE_TOKENS },
  };
}
