/** Runs as files for Python's trainers. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { writeFolderWhole } from '../../src/checkpoint/save-node.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { openModel } from '../../src/loader/open.ts';
import { type TrainingOptions, trainingConfig } from '../../src/training/config.ts';
import { exportedFiles } from '../../src/training/export/export-plan.ts';
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
