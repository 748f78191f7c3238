/**
 * A run as files for Python's trainers: the initial checkpoint, the rows of token ids in the order of training, the learning rate of each step,
 * and a plan with programs that train by it: with transformers, and with OpenLM where it knows the model. All files lie in one folder.
 */
import { UsageError } from '../../base/errors.ts';
import type { SavedFile } from '../../checkpoint/save.ts';
import type { TrainingRows } from '../../data/batches.ts';
import { declareModel } from '../../loader/declare.ts';
import type { TrainingConfig } from '../config.ts';
import { parameterGroups } from '../parameter-groups.ts';
import { firstRowOf } from '../places.ts';
import { trainedTensors } from '../plan/parameters.ts';
import { planOf, runStages } from '../plan/plan.ts';
import type { Stage } from '../schedules/stages.ts';
import { openLmPlan, type RowFacts, RowLook } from './openlm.ts';
import { OPENLM_SCRIPT } from './openlm-script.ts';
import { readmeOf } from './readme.ts';
import { TRAIN_SCRIPT } from './train-script.ts';

export interface ExportOptions {
  readonly config: TrainingConfig;
  /** config.json of the model. */
  readonly model: { readonly [key: string]: unknown };
  /** The checkpoint to start from, such as `newModel(...).files`, with its tokenizer. */
  readonly checkpoint: readonly SavedFile[];
  /** Rows for each stage, with as many tokens as it reads. */
  readonly rows: readonly TrainingRows[];
}

const IGNORED = -100; // label of a token that is no target, as in torch and transformers

/** Throws UsageError for a run that cannot be exported. */
export function checkExport(config: TrainingConfig): void {
  if (config.train !== 'full')
    throw new UsageError(
      `a run that trains '${config.train}' has no plan for other engines: export one that trains 'full'.`,
    );
  if (config.balance && config.balance.name !== 'dolomite')
    throw new UsageError(
      `the exported program has the balance loss 'dolomite' only, and this run '${config.balance.name}'.`,
    );
}

/** The files of the folder; their bytes are made while they are written. Throws UsageError for a run that cannot be exported. */
export async function exportedFiles({ config, model, checkpoint, rows }: ExportOptions): Promise<SavedFile[]> {
  checkExport(config);
  const stages = runStages(config);
  if (rows.length !== stages.length)
    throw new UsageError(`there are rows for ${rows.length} stages, wanted ${stages.length}.`);
  const parts = await Promise.all(
    stages.map((stage, i) => stageData(stage, rows[i] as TrainingRows, firstRowOf(stages, stage.first), i + 1)),
  );
  const { openlm, ...plan } = planJson(config, model, stages, parts);
  const estimate = planOf(config, { model });
  const isOpenLm = !('reason' in openlm);
  return [
    ...checkpoint,
    ...parts.flatMap(({ files }) => files),
    { name: plan.rates, bytes: () => ratesOf(stages) },
    text('plan.json', `${JSON.stringify(isOpenLm ? { ...plan, openlm } : plan, null, 2)}\n`),
    text('train.py', TRAIN_SCRIPT),
    ...(isOpenLm ? [text('openlm.py', OPENLM_SCRIPT)] : []),
    text('README.md', readmeOf(config, estimate, openlm)),
  ];
}

function text(name: string, content: string): SavedFile {
  const bytes = new TextEncoder().encode(content);
  return { name, bytes: () => [bytes] };
}

function planJson(
  config: TrainingConfig,
  model: ExportOptions['model'],
  stages: readonly Stage[],
  parts: readonly StageData[],
) {
  const declared = declareModel(model);
  const { tensors } = declared;
  const groups = parameterGroups(
    trainedTensors(config, declared),
    config.optimizer,
    tensors.map(({ name }) => name),
  );
  return {
    optimizer: config.optimizer,
    groups: groups.map(({ rate, weightDecay, parameters }) => ({
      rate,
      weightDecay,
      tensors: parameters.map(({ name }) => name),
    })),
    aliases: Object.fromEntries(
      tensors.flatMap(({ name, parameterName = name }) => (parameterName === name ? [] : [[name, [parameterName]]])),
    ),
    rates: 'rates.f64.bin',
    clip: config.clip ?? null,
    zLoss: config.zLoss,
    balance: config.balance ?? null,
    lambda: config.lambda ?? null,
    compute: config.compute,
    recompute: config.recompute,
    seed: config.seed,
    checkpoint: config.checkpoint?.every ?? null,
    openlm: openLmPlan({ config, declared, groups, stages, facts: (parts[0] as StageData).facts }),
    stages: stages.map(({ first, steps, sequence, batch, accumulate, config }, i) => ({
      ...{ first, steps, sequence, batch, accumulate, config },
      data: (parts[i] as StageData).described,
    })),
  };
}

interface StageData {
  readonly files: readonly SavedFile[];
  readonly described: { readonly rows: number; readonly width: number; readonly ids: string; readonly labels: string };
  readonly facts: RowFacts;
}

/** Rows of equal width, i32: shorter ones are filled up with tokens that do not count. `first`: the place of the first row in the run. */
async function stageData(stage: Stage, rows: TrainingRows, first: number, number: number): Promise<StageData> {
  const count = stage.steps * stage.batch * stage.accumulate;
  const look = new RowLook();
  for (let i = 0; i < Math.min(count, rows.count); i++) look.see(await rows.row(first + i));
  const { width, facts } = look;
  const names = { ids: `stage-${number}.ids.i32.bin`, labels: `stage-${number}.labels.i32.bin` };
  return {
    files: [
      { name: names.ids, bytes: () => written(rows, [first, count], width, false) },
      { name: names.labels, bytes: () => written(rows, [first, count], width, true) },
    ],
    described: { rows: count, width, ...names },
    facts,
  };
}

async function* written(
  rows: TrainingRows,
  [first, count]: readonly [number, number],
  width: number,
  labels: boolean,
): AsyncGenerator<Uint8Array> {
  for (let place = first; place < first + count; place++) {
    const { ids, targetsMask } = await rows.row(place);
    const row = new Int32Array(width).fill(labels ? IGNORED : 0);
    row.set(ids);
    if (labels && targetsMask) for (const [i, counts] of targetsMask.entries()) if (counts === 0) row[i + 1] = IGNORED;
    yield new Uint8Array(row.buffer);
  }
}

const RATES = 1 << 16; // in a piece

/** The learning rate of each step, f64. */
function* ratesOf(stages: readonly Stage[]): Generator<Uint8Array> {
  for (const { first, steps, rate } of stages)
    for (let from = 0; from < steps; from += RATES) {
      const some = Float64Array.from({ length: Math.min(RATES, steps - from) }, (_, i) => rate(first + from + i));
      yield new Uint8Array(some.buffer);
    }
}
