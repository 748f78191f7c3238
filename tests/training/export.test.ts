/** Runs as files for Python's trainers. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { writeFolderWhole } from '../../src/checkpoint/save-node.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { declareModel } from '../../src/loader/declare.ts';
import { openModel } from '../../src/loader/open.ts';
import { type TrainingOptions, trainingConfig } from '../../src/training/config.ts';
import { exportedFiles } from '../../src/training/export/export-plan.ts';
import { RowLook } from '../../src/training/export/openlm.ts';
import { newModel } from '../../src/training/initialize/new-model.ts';

const model = {
  ...{
    model_type: 'granitemoe',
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 2,
  },
  ...{
    intermediate_size: 8,
    num_local_experts: 4,
    num_experts_per_tok: 2,
    vocab_size: 64,
    max_position_embeddings: 64,
  },
  ...{ tie_word_embeddings: true, architectures: ['GraniteMoeForCausalLM'] },
};
const rules = [
  { tensors: ['*norm.weight'], values: 'constant', value: 1 },
  { tensors: ['*'], values: 'normal', std: 0.05 },
] as const;
const ids = Array.from({ length: 6 }, (_, i) =>
  Array.from({ length: i === 0 ? 6 : 9 }, (_, j) => (7 * i + 3 * j) % 64),
);

const options: TrainingOptions = {
  initialize: { config: model, rules },
  data: { ids },
  batch: 2,
  accumulate: 2,
  steps: 3,
  optimizer: {
    name: 'adamw',
    lr: 0.01,
    weightDecay: 0.1,
    decay: 'matrices',
    groups: [{ tensors: ['*_proj.weight'], rate: 0.5 }],
  },
  schedule: { name: 'linear', warmup: 1 },
  balance: { name: 'dolomite', coefficient: 0.01, zLoss: 0.1 },
  zLoss: 1e-4,
  clip: 1,
};

async function filesOf(changes: Partial<TrainingOptions> = {}) {
  const config = trainingConfig({ ...options, ...changes });
  const { train } = await prepareMemory({ ids }, { seed: 0, vocabSize: 64 });
  const { files } = newModel({ config: model, rules: trainingConfig(options).initialize?.rules ?? [], seed: 1 });
  return exportedFiles({ config, model, checkpoint: files, rows: [train] });
}

describe('an exported plan', () => {
  it('is a checkpoint with rows, rates, groups and a program', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'plan-')), 'plan');
    await writeFolderWhole(folder, await filesOf());
    if (process.env.KEEP_PLAN) process.stderr.write(`${folder}\n`);
    const opened = await openModel(localFolder(folder));
    const names = [...opened.checkpoint.tensors.keys()];
    await opened.checkpoint.close();
    const plan = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
    expect(plan.groups.flatMap(({ tensors }: { tensors: string[] }) => tensors).sort()).toEqual(names.sort());
    expect(plan.groups.map(({ rate, weightDecay }: Record<string, number>) => [rate, weightDecay])).toEqual([
      ...[
        [1, 0.1],
        [1, 0],
        [0.5, 0.1],
      ],
    ]);
    expect(plan.aliases['model.layers.0.block_sparse_moe.router.layer.weight']).toEqual([
      'model.layers.0.block_sparse_moe.router.weight',
    ]);
    const rates = new Float64Array(new Uint8Array(readFileSync(join(folder, plan.rates))).buffer);
    expect([...rates]).toEqual([0.01, 0.01, 0.005]);
    const [{ data }] = plan.stages;
    expect(data).toMatchObject({ rows: 12, width: 9 });
    const numbers = (name: string) => [...new Int32Array(new Uint8Array(readFileSync(join(folder, name))).buffer)];
    const filled = ids.map((row) => [...row, 0, 0, 0].slice(0, 9));
    expect(numbers(data.ids)).toEqual([...filled, ...filled].flat());
    expect(numbers(data.labels).slice(0, 9)).toEqual([...(ids[0] ?? []), -100, -100, -100]);
    expect(readFileSync(join(folder, 'train.py'), 'utf8')).toContain('class PlanTrainer(Trainer)');
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('3 steps');
    if (!process.env.KEEP_PLAN) rmSync(folder, { recursive: true });
  });

  it('has the rows of a later stage from where the stage before has ended', async () => {
    const stages = [{ steps: 1 }, { steps: 1, lr: 0.001 }];
    const config = trainingConfig({ ...options, steps: undefined, stages, batch: 1, accumulate: 1 });
    const { train } = await prepareMemory({ ids }, { seed: 0, vocabSize: 64 });
    const files = await exportedFiles({ config, model, checkpoint: [], rows: [train, train] });
    const rowIn = async (name: string) => {
      for await (const { buffer } of files.find((file) => file.name === name)?.bytes() ?? [])
        return [...new Int32Array(buffer as ArrayBuffer)];
    };
    expect(await rowIn('stage-1.ids.i32.bin')).toEqual(ids[0]);
    expect(await rowIn('stage-2.ids.i32.bin')).toEqual(ids[1]);
  });

  it('is refused where the program could not follow it', async () => {
    await expect(filesOf({ train: 'lora', initialize: undefined, model: 'm' })).rejects.toThrow(
      "a run that trains 'lora' has no plan",
    );
    await expect(filesOf({ balance: { name: 'megablocks', coefficient: 1 } })).rejects.toThrow(
      "the balance loss 'dolomite' only",
    );
    await expect(filesOf({ steps: undefined, stages: [{ steps: 1 }, { steps: 1 }] })).rejects.toThrow('wanted 2');
  });
});

const mamba = {
  model_type: 'mamba',
  hidden_size: 16,
  num_hidden_layers: 2,
  vocab_size: 64,
  state_size: 4,
  time_step_rank: 3,
};
const even = Array.from({ length: 6 }, (_, i) => Array.from({ length: 9 }, (_, j) => (7 * i + 3 * j) % 63));
const ofOpenLm: TrainingOptions = {
  initialize: { config: mamba, rules },
  data: { ids: even },
  batch: 2,
  accumulate: 2,
  steps: 12,
  optimizer: { name: 'adamw', lr: 1, betas: [0.9, 0.95], weightDecay: 0.1 },
  schedule: { name: 'cosine', warmup: 3, floor: 0.001 },
  checkpoint: { every: 5 },
  zLoss: 1e-4,
  clip: 1,
};

async function openLmFiles(changes: Partial<TrainingOptions> = {}, config: object = mamba) {
  const given = trainingConfig({ ...ofOpenLm, ...changes, initialize: { config: { ...config }, rules } });
  const memory = await prepareMemory(given.data, { seed: 0, vocabSize: 64 });
  const model = { ...config };
  const files = await exportedFiles({ config: given, model, checkpoint: [], rows: [memory.train] });
  const read = async (name: string) => {
    const parts: Uint8Array[] = [];
    for await (const part of files.find((file) => file.name === name)?.bytes() ?? []) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  return {
    names: files.map(({ name }) => name),
    plan: JSON.parse(await read('plan.json')),
    readme: await read('README.md'),
    read,
  };
}

describe('OpenLM', () => {
  it('gets its arguments, the model by the keys of its authors, and a program', async () => {
    const { plan, read, readme } = await openLmFiles();
    expect(plan.openlm).toEqual({
      model: {
        ...{ d_model: 16, n_layer: 2, vocab_size: 64, rms_norm: true, residual_in_fp32: true, fused_add_norm: true },
        ...{ pad_vocab_size_multiple: 1, tie_embeddings: true },
        ssm_cfg: { d_state: 4, d_conv: 4, expand: 2, dt_rank: 3, bias: false, conv_bias: true },
      },
      rowsPerShard: 4,
      arguments: {
        ...{ data_key: 'json.gz', train_num_samples: 4 * 4 * 8, epochs: 3, workers: 1, seed: 0, log_every_n_steps: 1 },
        ...{ global_batch_size: 4, accum_freq: 2, lr: 1, beta1: 0.9, beta2: 0.95, eps: 1e-8, wd: 0.1 },
        ...{ warmup: 3, lr_scheduler: 'cosine', lr_cooldown_end: 0.001, grad_clip_norm: 1, z_loss_coefficient: 1e-4 },
        ...{ precision: 'fp32', target_mask_individual: null },
      },
    });
    expect(await read('openlm.py')).toContain('MambaLMHeadModel(MambaConfig(**run["model"]))');
    expect(readme).toContain('OpenLM saves 3 times');
  });

  it.each<[string, Partial<TrainingOptions>, object, string]>([
    ['another model', {}, model, 'no model of this kind'],
    ['norms with another eps', {}, { ...mamba, layer_norm_epsilon: 1e-6 }, 'no model of this kind'],
    ['another schedule', { schedule: { name: 'linear' } }, mamba, "a cosine, not 'linear'"],
    ['another warm-up', { schedule: { name: 'cosine', warmup: 2, warmupOffset: 0 } }, mamba, 'an offset of 1'],
    ['groups', { optimizer: { name: 'adamw', lr: 1, weightDecay: 1, decay: 'matrices' } }, mamba, 'one weight decay'],
    ['frozen parts', { freeze: ['*norm*'] }, mamba, 'all parameters'],
    ['rows of several lengths', { data: { ids } }, mamba, 'rows have one length'],
  ])('is not given %s, and the plan says why', async (_, changes, config, reason) => {
    const { names, plan, readme } = await openLmFiles(changes, config);
    expect(names).not.toContain('openlm.py');
    expect(plan.openlm).toBeUndefined();
    expect(readme).toMatch(new RegExp(`OpenLM cannot follow this run: .*${reason}`));
  });

  it('knows a model again by the keys that it is given', async () => {
    const odd = {
      ...mamba,
      expand: 3,
      intermediate_size: 48,
      conv_kernel: 3,
      use_bias: true,
      use_conv_bias: false,
      tie_word_embeddings: false,
    };
    const { plan } = await openLmFiles({}, odd);
    const tensors = (json: object) => declareModel({ ...json }).tensors.map(({ name, shape }) => [name, shape]);
    expect(tensors(plan.openlm.model)).toEqual(tensors(odd));
  });

  it.each([
    [
      'none',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [undefined, undefined],
    ],
    [
      'ends',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [undefined, [1, 0]],
    ],
    [
      'others',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [
        [0, 1],
        [1, 0],
      ],
    ],
  ] as const)('sees which targets rows leave out: %s', (ignored, rows, masks) => {
    const look = new RowLook();
    for (const [i, row] of rows.entries()) look.see({ ids: row, targetsMask: masks[i] });
    expect(look.facts).toEqual({ isEven: true, ignored, largestId: 6 });
  });
});
