/** Which rows of the data each step reads. The position of a run in its data follows from the step alone. */
import type { TrainingRow } from '../data/row.ts';
import { examplesOf } from './examples.ts';
import type { Examples } from './pass.ts';
import { type Stage, stageAt } from './schedules/stages.ts';

/** Rows in the order in which a run reads them, beginning again at the end. */
export interface Rows {
  /** Row number `place` of a run, counted over all epochs. */
  row(place: number): Promise<TrainingRow>;
}

/** The first row of a step. A stage with longer rows goes on after the tokens that earlier stages have read. */
export function firstRowOf(stages: readonly Stage[], step: number): number {
  const stage = stageAt(stages, step);
  const before = stages
    .filter(({ first }) => first < stage.first)
    .reduce((sum, { steps, batch, accumulate, sequence }) => sum + steps * batch * accumulate * sequence, 0);
  return Math.ceil(before / stage.sequence) + (step - stage.first) * stage.batch * stage.accumulate;
}

/** The batches of a step. `rowsOf`: the rows of a stage. */
export async function batchesOf(
  stages: readonly Stage[],
  step: number,
  rowsOf: (stage: Stage) => Rows,
): Promise<Examples[]> {
  const stage = stageAt(stages, step);
  const { batch, accumulate } = stage;
  const first = firstRowOf(stages, step);
  const rows = rowsOf(stage);
  const all = await Promise.all(Array.from({ length: batch * accumulate }, (_, i) => rows.row(first + i)));
  return Array.from({ length: accumulate }, (_, i) => examplesOf(all.slice(i * batch, (i + 1) * batch)));
}
