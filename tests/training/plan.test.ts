/** What a run will take: counted from configurations alone, against numbers that are known. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { size } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { declareModel } from '../../src/loader/declare.ts';
import { openModel } from '../../src/loader/open.ts';
import { recipeNamed } from '../../src/recipes/index.ts';
import { type TrainingOptions, trainingConfig } from '../../src/training/config.ts';
import { multiplyAddsOf } from '../../src/training/plan/multiply-adds.ts';
import { planOf } from '../../src/training/plan/plan.ts';
import { checkTraining } from '../../src/training/trainer-for.ts';

const model = {
  ...{ model_type: 'llama', hidden_size: 16, num_hidden_layers: 3, num_attention_heads: 4, num_key_value_heads: 2 },
  ...{ intermediate_size: 24, vocab_size: 64, max_position_embeddings: 128, tie_word_embeddings: false },
};
const matrices = 3 * (16 * 16 * 2 + 16 * 8 * 2 + 3 * 16 * 24);
const table = 64 * 16;
const norms = 7 * 16;

const config: TrainingOptions = {
  model: 'm',
  data: { ids: [Array.from({ length: 33 }, (_, i) => i)] },
  batch: 2,
  accumulate: 3,
  steps: 10,
  optimizer: { name: 'adamw', lr: 0.1, weightDecay: 0.1, decay: 'matrices' },
  schedule: { name: 'linear', warmup: 2, warmupOffset: 0 },
};
const plan = (changes: Partial<TrainingOptions> = {}, options: object = {}) =>
  planOf(trainingConfig({ ...config, ...changes }), { model, ...options });

describe('multiplications and additions', () => {
  const countsOf = (recipe: string, lengths: readonly number[]) =>
    multiplyAddsOf(declareModel(recipeNamed(recipe).model).model, lengths);

  it('are those of every matrix, the head and the pairs of positions', () => {
    const { products, attention, scan } = multiplyAddsOf(declareModel(model).model, [5, 3]);
    expect(products).toBe(8 * (matrices + table));
    expect(attention).toBe(3 * (15 + 6) * 16 * 2);
    expect(scan).toBe(0);
  });

  it('of a mixture are those of the chosen experts: the active parameters that are published', () => {
    const norms = 24 * 2048 + 1024;
    expect(countsOf('granite-3.1-moe', [2]).products / 2).toBe(428_655_616 - norms);
  });

  it('of a state space have a recurrence and no attention', () => {
    const { products, attention, scan } = countsOf('mamba-7b-rw', [2]);
    const { tensors } = declareModel(recipeNamed('mamba-7b-rw').model);
    const weights = tensors.filter(({ kind }) => kind === 'matrix' || kind === 'table');
    expect(products / 2).toBe(weights.reduce((sum, { shape }) => sum + size(shape), 0));
    expect(attention).toBe(0);
    expect(scan / 2).toBe(64 * 8192 * (4 + 16 * 4));
  });
});

describe('the plan of a run', () => {
  it('has tokens, steps and the learning rates at the steps where they turn', () => {
    const { steps, tokens, schedule, stages } = plan({ lambda: { name: 'linear', steps: 4 } });
    expect([steps, tokens]).toEqual([10, 10 * 6 * 32]);
    expect(stages).toMatchObject([{ first: 0, steps: 10, sequence: 32, batch: 2, accumulate: 3, tokensPerStep: 192 }]);
    expect(schedule.map(({ step, tokens, rate, lambda }) => [step, tokens, rate, lambda])).toEqual([
      [0, 0, 0, 0],
      [2, 384, 0.1, 0.5],
      [4, 768, expect.closeTo(0.075, 12), 1],
      [5, 960, expect.closeTo(0.0625, 12), 1],
      [7, 1344, expect.closeTo(0.0375, 12), 1],
      [9, 1728, expect.closeTo(0.0125, 12), 1],
    ]);
  });

  it('has the parameters of each group, and what they take of memory', () => {
    const { parameters, memory } = plan();
    const total = matrices + 2 * table + norms;
    expect(parameters).toMatchObject({ total, trained: total });
    expect(parameters.groups.map(({ weightDecay, parameters }) => [weightDecay, parameters])).toEqual([
      [0.1, matrices + 2 * table],
      [0, norms],
    ]);
    expect(memory).toMatchObject({ weights: 4 * total, copies: 0, gradients: 4 * total, optimizer: 8 * total });
    expect(memory.total).toBe(16 * total + memory.activations);
    expect(memory.activations).toBeGreaterThan(4 * 64 * 16 * 3);
    expect(plan({ compute: 'bf16' }).memory.copies).toBe(2 * (total - norms)); // norms have none
    expect(plan({ recompute: true }).memory.activations).toBeLessThan(memory.activations);
  });

  it('leaves frozen tensors out, and has those of adapters', () => {
    const { parameters, memory } = plan({ freeze: ['*embed_tokens*', 'lm_head*'] });
    expect(parameters.trained).toBe(matrices + norms);
    expect(memory.weights).toBe(4 * (matrices + norms) + 2 * 2 * table); // the others stay as bf16
    const lora = plan({ train: 'lora', lora: { rank: 2, targets: ['*.q_proj', '*.down_proj'] }, weights: 'f32' });
    expect(lora.parameters.trained).toBe(3 * 2 * (16 + 16 + 24 + 16));
    expect(lora.memory.gradients).toBe(4 * lora.parameters.trained);
    const short = plan({ train: 'lora', lora: { rank: 2, targets: ['q_proj', 'down_proj'] } });
    expect(short.parameters).toEqual(lora.parameters);
    expect(() => plan({ train: 'lora', lora: { targets: ['*.qproj'] } })).toThrow("lora.targets names '*.qproj'");
    expect(() => plan({ freeze: ['*.nothing'] })).toThrow("freeze names '*.nothing'");
  });

  it.each([
    ['llama-dense', undefined],
    ['backpack-formula', undefined],
    ['mamba-odd', ['in_proj', 'lm_head']],
    ['granite-moe-shared', ['experts.gate_up_proj', 'experts.down_proj', 'router.weight', 'q_proj']],
  ])('has the adapters that a run trains: %s', async (name, targets) => {
    const opened = await openModel(localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url))));
    const lora = { rank: 3, ...(targets ? { targets } : {}) };
    const own = trainingConfig({ ...config, data: { ids: [[1, 2, 3]] }, train: 'lora', lora });
    const numbers = checkTraining(opened, own).flatMap(({ parameters }) => parameters.map(({ shape }) => size(shape)));
    const planned = planOf(own, { model: opened.config }).parameters;
    expect(planned.trained).toBe(numbers.reduce((sum, count) => sum + count, 0));
    await opened.checkpoint.close();
  });

  it('has the operations of all passes: six for each product, two more where blocks are computed again', () => {
    const { flops } = plan();
    const tokens = 10 * 3 * 64;
    expect(flops.products).toBe(6 * tokens * (matrices + table));
    expect(flops.total).toBe(flops.products + flops.attention);
    const again = plan({ recompute: true }).flops;
    expect(again.total).toBe((flops.total * 8) / 6);
    expect(plan({ train: 'lora' }).flops.products).toBe((flops.products * 4) / 6);
  });

  it('counts stages by their own lengths and keys of config.json', () => {
    const stages = [{ steps: 2 }, { steps: 3, sequence: 64, batch: 1, config: { num_hidden_layers: 1 } }];
    const { steps, tokens, stages: planned } = plan({ steps: undefined, stages });
    expect([steps, tokens]).toEqual([5, 5 * 192]);
    expect(planned[1]?.flopsPerStep).toBeLessThan((planned[0]?.flopsPerStep ?? 0) / 2);
  });

  it('has the time here, and on the hardware of the card as published', () => {
    expect(plan({}, { flopsPerSecond: 1e9 }).time.here).toBe(plan().flops.total / 1e9);
    const { config, model, hardware } = recipeNamed('levanter-backpack-1b');
    const { time, flops } = planOf(trainingConfig(config), { model, hardware });
    expect(time.published).toBeCloseTo(128 * 8.6 * 24, 6);
    expect(time.deviceHours).toBeCloseTo(time.published ?? 0, 6);
    expect(time.utilisation).toBeCloseTo(0.336, 2); // about a third of the peak
    expect(flops.products / (6 * 1_351_743_936 * 235_929_600_000)).toBeCloseTo(1, 2); // 6 N D
  });
});
