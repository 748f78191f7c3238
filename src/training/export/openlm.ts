/**
 * A run by the arguments of OpenLM (mlfoundations/open_lm 9bb92ef: open_lm/params.py, main.py, data.py). openlm-script.ts is the program that
 * makes its shards and calls it.
 */
import type { DeclaredModel } from '../../loader/declare.ts';
import type { TrainingConfig } from '../config.ts';
import type { ParameterGroup } from '../parameter-groups.ts';
import type { Stage } from '../schedules/stages.ts';

/** What the rows of a run are like. */
export interface RowFacts {
  /** Have all as many ids? */
  readonly isEven: boolean;
  /** Which targets do not count: none, only some at the ends of rows, or others. */
  readonly ignored: 'none' | 'ends' | 'others';
  readonly largestId: number;
}

export interface OpenLmPlan {
  /** The model by the keys of its authors' package. */
  readonly model: { readonly [key: string]: unknown };
  /** Rows of a shard. A process of OpenLM reads whole shards. */
  readonly rowsPerShard: number;
  /** Arguments of open_lm.main; paths are added by the program. */
  readonly arguments: { readonly [key: string]: unknown };
}

/** Why OpenLM cannot follow a run. */
export interface NotOpenLm {
  readonly reason: string;
}

interface Run {
  readonly config: TrainingConfig;
  readonly declared: DeclaredModel;
  readonly groups: readonly ParameterGroup[];
  readonly stages: readonly Stage[];
  readonly facts: RowFacts;
}

const SHARD_ROWS = 8192; // at most, as open_lm/datapreprocess/ray/tokenize_shuffle.py
const SHARDS = 8; // of what is read between two checkpoints, where its steps can be divided so: one for each of some processes
const STEPS_BETWEEN_CHECKPOINTS = 1000;

export function openLmPlan(run: Run): OpenLmPlan | NotOpenLm {
  const reason = reasonAgainst(run);
  if (reason !== undefined) return { reason };
  const { config, declared, facts } = run;
  const [{ steps, sequence, batch, accumulate }] = run.stages as [Stage];
  const { optimizer, schedule, clip, zLoss, compute, seed, checkpoint } = config;
  const rows = batch * accumulate;
  const between = nearestDivisor(steps, checkpoint?.every ?? STEPS_BETWEEN_CHECKPOINTS);
  const perShard = divisors(between).filter((n) => n * rows <= SHARD_ROWS && between / n >= Math.min(SHARDS, between));
  return {
    model: declared.original as OpenLmPlan['model'],
    rowsPerShard: rows * Math.max(1, ...perShard),
    arguments: {
      data_key: 'json.gz',
      train_num_samples: between * rows * sequence, // tokens of what OpenLM calls an epoch, after which it saves
      epochs: steps / between,
      workers: 1,
      global_batch_size: rows,
      accum_freq: accumulate,
      lr: optimizer.lr,
      beta1: optimizer.betas[0],
      beta2: optimizer.betas[1],
      eps: optimizer.eps,
      wd: optimizer.weightDecay,
      warmup: schedule.warmup,
      lr_scheduler: schedule.name === 'cosine' ? 'cosine' : 'const',
      lr_cooldown_end: 'floor' in schedule ? schedule.floor : 0,
      grad_clip_norm: clip ?? null,
      z_loss_coefficient: zLoss,
      precision: compute === 'bf16' ? 'amp_bfloat16' : 'fp32',
      seed,
      // Ids below 0 count from the end of the vocabulary.
      target_mask_individual: facts.ignored === 'ends' ? -1 : null,
      log_every_n_steps: 1,
    },
  };
}

function reasonAgainst({ config, declared, groups, stages, facts }: Run): string | undefined {
  const { schedule, lambda, balance } = config;
  const [{ sequence }] = stages as [Stage];
  const vocabSize = declared.model.facts.vocabSize;
  if (declared.original === undefined) return 'it has no model of this kind';
  if (lambda || balance) return 'it has no such loss and no quantisation while it trains';
  if (stages.length > 1) return 'it has no stages';
  if (schedule.name !== 'cosine' && schedule.name !== 'constant')
    return `its learning rates are constant or a cosine, not '${schedule.name}'`;
  if (schedule.warmup > 0 && schedule.warmupOffset !== 1) return 'its warm-up has an offset of 1';
  if (groups.length !== 1 || groups[0]?.rate !== 1 || groups[0].parameters.length !== declared.tensors.length)
    return 'it trains all parameters with one learning rate and one weight decay';
  if (!facts.isEven) return 'its rows have one length';
  if (facts.ignored === 'others') return 'it leaves out targets at the ends of rows only';
  if (facts.ignored === 'ends' && facts.largestId >= vocabSize - 1)
    return 'targets that do not count take the last id of the vocabulary there, which occurs in these rows';
  if (sequence < 1) return 'its rows have at least two ids';
  return undefined;
}

/** In increasing order. */
function divisors(n: number): number[] {
  const low = Array.from({ length: Math.floor(Math.sqrt(n)) }, (_, i) => i + 1).filter((d) => n % d === 0);
  return [...new Set([...low, ...low.map((d) => n / d)])].sort((a, b) => a - b);
}

const nearestDivisor = (n: number, wanted: number): number =>
  divisors(n).reduce((best, d) => (Math.abs(d - wanted) < Math.abs(best - wanted) ? d : best), 1);

/** What rows are like, from the widths and masks of all of them. */
export class RowLook {
  #widths = new Set<number>();
  #ignored: RowFacts['ignored'] = 'none';
  #largestId = 0;

  see({
    ids,
    targetsMask = [],
  }: {
    readonly ids: ArrayLike<number>;
    readonly targetsMask?: ArrayLike<number> | undefined;
  }): void {
    this.#widths.add(ids.length);
    for (let i = 0; i < ids.length; i++) this.#largestId = Math.max(this.#largestId, ids[i] as number);
    const first = Array.prototype.indexOf.call(targetsMask, 0);
    if (first < 0 || this.#ignored === 'others') return;
    this.#ignored = Array.prototype.indexOf.call(targetsMask, 1, first) < 0 ? 'ends' : 'others';
  }

  get width(): number {
    return Math.max(0, ...this.#widths);
  }

  get facts(): RowFacts {
    return { isEven: this.#widths.size === 1, ignored: this.#ignored, largestId: this.#largestId };
  }
}
