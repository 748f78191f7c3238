/** The page with the figures of a run: written again while it goes on, whole or not at all. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { UsageError } from '../../base/errors.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import type { Report } from '../../figures/figure.ts';
import { reportPage } from '../../figures/page.ts';
import { TrainingHistory, type TrainingLine, trainingReport } from '../../figures/training/index.ts';
import type { TrainingConfig } from '../../training/config.ts';
import { linesOf } from './metrics-node.ts';
import { CONFIG } from './run-folder-node.ts';

/** Between two pages, milliseconds. */
const INTERVAL_MS = 20_000;

const number = v.optional(v.number());
const LINE = v.looseObject({
  step: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  loss: v.number(),
  gradNorm: v.number(),
  lr: number,
  lambda: number,
  tokens: number,
  seconds: number,
  validationLoss: number,
  expertLoad: v.optional(v.array(v.array(v.number()))),
  samples: v.optional(v.array(v.object({ prompt: v.string(), text: v.string() }))),
});

export class PlotFile {
  readonly #file: string;
  readonly #facts: Report['facts'];
  readonly #history: TrainingHistory;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #isNew = false;

  /** `before`: the steps that were made before, as their metrics have them. */
  constructor(file: string, config: TrainingConfig, before: TrainingHistory) {
    this.#file = file;
    this.#facts = factsOf(config);
    this.#history = before;
  }

  async add(line: TrainingLine): Promise<void> {
    this.#history.add(line);
    this.#isNew = true;
    if (performance.now() - this.#writtenMs > INTERVAL_MS) await this.write();
  }

  /** Writes the page if there are new steps. */
  async write(): Promise<void> {
    if (!this.#isNew) return;
    const page = await reportPage(trainingReport(this.#history, this.#facts));
    await writeFileWhole(this.#file, [new TextEncoder().encode(page)]);
    this.#isNew = false;
    this.#writtenMs = performance.now();
  }
}

/** The steps before `end` in a file of metrics. Throws UsageError for lines that are no metrics. */
export function historyIn(file: string, end = Number.POSITIVE_INFINITY): TrainingHistory {
  const history = new TrainingHistory();
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return history; // what went down a pipe is gone
  for (const [i, line] of linesOf(file).entries()) {
    const { success, output } = v.safeParse(LINE, line);
    if (!success) throw new UsageError(`line ${i + 1} of ${file} has no metrics of a step of training.`);
    if (output.step < end) history.add(output);
  }
  return history;
}

export interface RunHistory {
  readonly history: TrainingHistory;
  /** What is known of the run, for a report. */
  readonly facts: Report['facts'];
}

/** The steps of a run, which may go on meanwhile. `run`: its folder, or its file of metrics. Throws UsageError when there is none. */
export function readRun(run: string): RunHistory {
  const stats = statSync(run, { throwIfNoEntry: false });
  const file = stats?.isDirectory() ? join(run, 'metrics.jsonl') : run;
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`there is no ${file}: wanted the folder of a run, or its file of metrics.`);
  const config = stats?.isDirectory() ? configIn(run) : undefined;
  return { history: historyIn(file), facts: config ? factsOf(config) : [['run', run]] };
}

function configIn(folder: string): TrainingConfig | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, CONFIG), 'utf8')) as TrainingConfig;
  } catch {
    return undefined; // the figures need only the metrics
  }
}

const factsOf = ({ model, train, out }: TrainingConfig): Report['facts'] => [
  ['model', model ?? 'a new one'],
  ['trains', train],
  ...(out === undefined ? [] : ([['run', out]] as const)),
];
