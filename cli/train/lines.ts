/** Shows how a run goes: on a terminal one line that changes, else a line now and then. */
import type { StepReport } from '../../src/node.ts';
import { duration } from '../work.ts';

/** Between two lines where there is no terminal, milliseconds. */
const INTERVAL_MS = 10_000;

export interface TrainingLines {
  tell(step: StepReport): void;
  end(): void;
}

export function trainingLines(): TrainingLines {
  const { isTTY } = process.stderr;
  let told = 0;
  let isOpen = false;
  // Of the last steps more than of the first: an average that forgets.
  let secondsPerStep: number | undefined;
  return {
    tell(step) {
      secondsPerStep = secondsPerStep === undefined ? step.seconds : 0.9 * secondsPerStep + 0.1 * step.seconds;
      const isLast = step.step + 1 === step.steps;
      const now = performance.now();
      const isResult = step.validationLoss !== undefined || step.samples !== undefined;
      if (isTTY) {
        process.stderr.write(`\r\x1b[K${lineOf(step, secondsPerStep)}`);
        isOpen = true;
      } else if (told === 0 || isLast || now - told > INTERVAL_MS || isResult) {
        process.stderr.write(`${lineOf(step, secondsPerStep)}\n`);
        told = now;
      }
      if (!step.samples) return;
      if (isOpen) process.stderr.write('\n');
      isOpen = false;
      for (const { prompt, text } of step.samples) process.stderr.write(`${indented(prompt + text)}\n`);
    },
    end() {
      if (isOpen) process.stderr.write('\n');
      isOpen = false;
    },
  };
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '  ');

function lineOf({ step, steps, loss, tokens, validationLoss }: StepReport, secondsPerStep: number): string {
  const speed = `${Math.round(tokens / secondsPerStep).toLocaleString('en')} tokens/s`;
  const held = validationLoss === undefined ? '' : `, held out ${validationLoss.toFixed(4)}`;
  const left = steps - step - 1;
  const time = left === 0 ? '' : `, ${duration(left * secondsPerStep)} left`;
  return `step ${step + 1} of ${steps}: loss ${loss.toFixed(4)}${held}, ${speed}${time}`;
}
