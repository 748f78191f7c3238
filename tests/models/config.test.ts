/** Laws of config.json: whatever stands in it, a model is described as it is or refused by name, at once and without its weights. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { describe as describeModel } from '../../src/loader/describe.ts';
import { openModel } from '../../src/loader/open.ts';
import { ConfigReader, type JsonObject } from '../../src/models/config.ts';
import { llama } from '../../src/models/llama.ts';
import { costOf } from '../cost.ts';
import { goldenNames } from '../goldens.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));

interface Seed {
  readonly name: string;
  readonly config: JsonObject;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const seeds = goldenNames().flatMap((name): Seed[] => {
  const files = readdirSync(root + name).filter((file) => !file.startsWith('golden'));
  if (!files.includes('config.json')) return [];
  const contents = new Map(files.map((file) => [file, new Uint8Array(readFileSync(`${root}${name}/${file}`))]));
  return [{ name, config: JSON.parse(readFileSync(`${root}${name}/config.json`, 'utf8')), files: contents }];
});

const folderOf = (seed: Seed, config: string) =>
  memoryFolder(new Map(seed.files).set('config.json', new TextEncoder().encode(config)));

/** Keys that any family reads, whether or not a seed has them. */
const KEYS = [
  ...new Set(seeds.flatMap(({ config }) => Object.keys(config))),
  ...[
    'head_dim',
    'quantization_config',
    'rope_scaling',
    'rope_parameters',
    'ssm_cfg',
    'num_senses',
    'n_layer',
    'd_model',
  ],
  ...['intermediate_size', 'expand', 'time_step_rank', 'sense_sum', 'mlp_bias', 'num_local_experts', '__proto__', 'x'],
];

const deep = (open: string, close: string) => `${open.repeat(50_000)}1${close.repeat(50_000)}`;

/** As JSON text: some of it stringify would not write. */
const hostile = fc.oneof(
  fc.constantFrom(
    '0',
    '-1',
    '-0',
    '1',
    '2',
    '3',
    '4',
    '7',
    '8',
    '0.5',
    '1e308',
    '1e999',
    '-1e999',
    '1e-320',
    '4294967296',
  ),
  fc.constantFrom('268435455', '268435456', '268435457', '9007199254740993', '16777216', 'null', 'true', 'false'),
  fc.constantFrom('""', '"2"', '"auto"', '"silu"', '"relu2"', '[]', '{}', '[2]', '[[2]]', '"__proto__"', '"Backpack"'),
  fc.constantFrom('{"toString":1,"valueOf":1}', '[{"toString":1}]', '{"length":3}', '{"__proto__":{"rope_theta":1}}'),
  fc.constantFrom('{"rope_type":"yarn"}', '{"rope_theta":0}', '{"rope_theta":"1e4"}', '{"partial_rotary_factor":0.5}'),
  fc.constantFrom('{"quant_method":"gptq"}', '{"linear_class":"autobitlinear"}', '{"quantization_mode":"online"}'),
  fc.constantFrom('{"d_state":0}', '{"expand":1e300}', '{"dt_rank":[]}', '{"layer":"Mamba2"}', '{"x":1}'),
  fc.constantFrom(deep('[', ']'), deep('{"a":', '}')),
  fc.json({ maxDepth: 2 }),
);

const written = (config: JsonObject, changes: ReadonlyMap<string, string | undefined>) =>
  `{${[
    ...new Map<string, string | undefined>([
      ...Object.entries(config).map(([k, v]) => [k, JSON.stringify(v)] as const),
      ...changes,
    ]),
  ]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${JSON.stringify(key)}:${value}`)
    .join()}}`;

/** Every number of a description that anything is sized by. */
function expectSane(opened: Awaited<ReturnType<typeof openModel>>, seed: Seed): void {
  const { model } = opened;
  const stored = [...seed.files.values()].reduce((sum, { length }) => sum + length, 0);
  const description = describeModel(opened);
  const counts = [
    description.stateBytesFixed,
    description.stateBytesPerToken,
    ...Object.values(description.weightBytes),
  ];
  for (const count of counts) expect(Number.isSafeInteger(count)).toBe(true);
  expect(opened.plan.bytes).toBeLessThan(20 * stored);
  for (const { shape } of model.stateLayout) for (const axis of shape) expect(Number.isInteger(axis)).toBe(true);
  for (const [key, value] of Object.entries(model.facts)) {
    if (typeof value === 'number') expect(Number.isFinite(value), key).toBe(true);
  }
  expect(model.sites.length).toBeLessThan(1000);
}

async function expectOpenedOrRefused(seed: Seed, config: string): Promise<void> {
  const cost = await costOf(async () => {
    try {
      const opened = await openModel(folderOf(seed, config));
      expectSane(opened, seed);
      await opened.checkpoint.close();
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      expect(error.message.length).toBeLessThan(3000);
    }
  });
  expect(cost, config.slice(0, 200)).toBeLessThan(2000);
}

test('there are seeds of every kind', () => {
  expect(seeds.length).toBeGreaterThan(15);
});

describe('any config', () => {
  test('with any value under any key opens a sane model or is refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.constantFrom(...KEYS), fc.option(hostile, { nil: undefined })), {
          minLength: 1,
          maxLength: 3,
        }),
        (seed, changes) => expectOpenedOrRefused(seed, written(seed.config, new Map(changes))),
      ),
      { numRuns: 350 },
    );
  }, 60_000);

  test('with a key that its family reads set to any count is refused, or fits the tensors', async () => {
    const counts = ['1', '2', '3', '5', '6', '12', '64', '1000', '65536', '16777216', '268435456'];
    for (const seed of seeds) {
      const numbers = Object.entries(seed.config).filter(([, value]) => typeof value === 'number');
      for (const [i, [key]] of numbers.entries()) {
        // A few of the counts for each key: together the keys see them all.
        for (const count of [0, 6].map((n) => counts[(n + i) % counts.length] as string))
          await expectOpenedOrRefused(seed, written(seed.config, new Map([[key, count]])));
      }
    }
  }, 60_000);

  test.each(['[]', 'null', '3', '"x"', '', '{', '{}', '{"model_type":"gpt2"}', '{"architectures":{"toString":1}}'])(
    '%s is refused',
    async (config) => {
      await expect(openModel(folderOf(seeds[0] as Seed, config))).rejects.toThrow(CheckpointError);
    },
  );

  test('of another seed is refused, or describes the tensors too', async () => {
    for (const one of seeds) for (const other of seeds) await expectOpenedOrRefused(one, JSON.stringify(other.config));
  }, 60_000);
});

describe('what would compute something else is refused by name', () => {
  const refusal = async (name: string, changes: JsonObject): Promise<string> => {
    const seed = seeds.find((candidate) => candidate.name === name) as Seed;
    const error = await openModel(folderOf(seed, JSON.stringify({ ...seed.config, ...changes }))).catch(
      (error) => error,
    );
    expect(error).toBeInstanceOf(CheckpointError);
    return error.message;
  };

  test.each<[string, JsonObject, string]>([
    ['llama-dense', { num_hidden_layers: 2 ** 28 }, 'model.layers.'],
    ['mamba-odd', { num_hidden_layers: 2 ** 28 }, 'layers.'],
    ['backpack-hub', { n_layer: 2 ** 28 }, 'gpt2_model.h.'],
    ['llama-dense', { num_hidden_layers: 2 ** 28 + 1 }, 'num_hidden_layers'],
    ['llama-dense', { num_hidden_layers: 0 }, 'num_hidden_layers'],
    ['llama-dense', { num_hidden_layers: 1 }, 'does not read'],
    ['llama-dense', { rms_norm_eps: -1e-5 }, 'rms_norm_eps'],
    ['llama-dense', { rope_theta: 0 }, 'rope_theta'],
    ['llama-dense', { rope_scaling: { type: 'linear' } }, "no 'rope_scaling.factor'"],
    ['llama-dense', { rope_scaling: { type: 'linear', factor: 0 } }, "'rope_scaling.factor': 0"],
    ['llama-dense', { rope_scaling: { type: 'linear', factor: '2' } }, `'rope_scaling.factor': "2"`],
    ['llama-dense', { rope_scaling: { type: 'su', factor: 2 } }, `'rope_scaling.type': "su"`],
    ['llama-dense', { rope_parameters: { rope_type: 'longrope', factor: 2 } }, "no 'rope_parameters.short_factor'"],
    ['llama-dense', { rope_scaling: { type: 'dynamic', factor: -2 } }, "'rope_scaling.factor': -2"],
    ['llama-dense', { rope_scaling: { type: 'linear', factor: 2, alpha: 3 } }, "'rope_scaling.alpha': 3"],
    ['llama-dense', { rope_scaling: { rope_type: 'llama3', factor: 8, high_freq_factor: 4 } }, 'low_freq_factor'],
    ['llama-dense', { rope_scaling: { rope_type: 'yarn' } }, "no 'rope_scaling.factor'"],
    ['llama-dense', { rope_scaling: { rope_type: 'yarn', factor: 4, attention_factor: -1 } }, 'attention_factor'],
    [
      'llama-dense',
      { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 0 } },
      'original_max_position_embeddings',
    ],
    ['llama-dense', { rope_theta: 1, rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'no finite numbers'],
    ['llama-dense', { partial_rotary_factor: 0.5, rope_scaling: { type: 'linear', factor: 2 } }, 'partial_rotary'],
    ['granite-moe-v5-config', { rope_parameters: { rope_theta: '1e4' } }, 'rope_parameters'],
    [
      'granite-moe-v5-config',
      { rope_parameters: { rope_type: 'dynamic', factor: 2, partial_rotary_factor: 0.5 } },
      'partial_rotary',
    ],
    ['llama-dense', { hidden_act: 'gelu' }, 'hidden_act'],
    ['llama-dense', { tie_word_embeddings: 'yes' }, 'tie_word_embeddings'],
    ['granite-tied', { logits_scaling: 0 }, 'logits_scaling'],
    ['granite-tied', { residual_multiplier: null, hidden_act: 'gelu' }, 'hidden_act'],
    ['granite-moe-10', { num_experts_per_tok: 11 }, 'num_experts_per_tok'],
    ['granite-moe-10', { num_attention_heads: 4, head_dim: 6 }, 'num_attention_heads'],
    ['backpack-hub', { n_head: 7 }, 'n_head'],
    ['backpack-hub', { num_senses: 21 }, 'num_senses'],
    ['mamba-state-spaces', { ssm_cfg: 'x' }, 'ssm_cfg'],
    ['mamba-state-spaces', { ssm_cfg: { layer: 'Mamba2' } }, 'ssm_cfg.layer'],
    ['mamba-state-spaces', { ssm_cfg: { chunk_size: 256 } }, 'ssm_cfg.chunk_size'],
    ['mamba-state-spaces', { attn_layer_idx: [1] }, 'attn_layer_idx'],
    ['mamba-state-spaces', { d_intermediate: 64 }, 'd_intermediate'],
    ['mamba-state-spaces', { d_inner: 44, expand: 2 }, "'d_inner': 44 and 'expand': 2"],
    ['mamba-state-spaces', { num_hidden_layers: 3 }, "'num_hidden_layers': 3 and 'n_layer': 2"],
    ['mamba-odd', { d_inner: 28 }, "'intermediate_size': 42 and 'd_inner': 28"],
    ['mamba-ssm-cfg', { state_size: 5 }, "'state_size': 5 and 'ssm_cfg.d_state': 9"],
    ['mamba-ssm-cfg', { tie_embeddings: false, tie_word_embeddings: true }, "'tie_embeddings': false"],
    ['mamba-state-spaces', { pad_vocab_size_multiple: 0 }, 'pad_vocab_size_multiple'],
  ])('%s with %j', async (name, changes, wanted) => {
    expect(await refusal(name, changes)).toContain(wanted);
  });
});

describe('what the reference passes over in these models', () => {
  const opened = async (name: string, changes: JsonObject) => {
    const seed = seeds.find((candidate) => candidate.name === name) as Seed;
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    const { model } = await openModel(folderOf(seed, JSON.stringify({ ...seed.config, ...changes })), { onWarning });
    return { facts: model.facts, warnings };
  };

  test.each<[string, JsonObject, string]>([
    ['llama-dense', { sliding_window: 8 }, 'sliding_window'],
    ['llama-dense', { use_sliding_window: true }, 'use_sliding_window'],
    ['granite-tied', { layer_types: ['sliding_attention'] }, 'layer_types'],
    ['llama-dense', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    ['granite-moe-10', { rope_scaling: { rope_type: 'default', partial_rotary_factor: 0.5 } }, 'partial_rotary_factor'],
    ['mamba-odd', { pad_token: '<pad>' }, 'pad_token'],
  ])('%s with %j: one warning, the same model', async (name, changes, key) => {
    const plain = await opened(name, {});
    const { facts, warnings } = await opened(name, changes);
    expect(facts).toEqual(plain.facts);
    expect(warnings.filter((warning) => !plain.warnings.includes(warning))).toEqual([expect.stringContaining(key)]);
  });

  test('layer types that say what every model does are no news', async () => {
    expect((await opened('granite-tied', { layer_types: ['full_attention'] })).warnings).toEqual([]);
  });

  test.each(['llama-dense', 'granite-tied', 'granite-moe-10', 'mamba-odd'])('%s: swish is silu', async (name) => {
    expect(await opened(name, { hidden_act: 'swish' })).toEqual(await opened(name, { hidden_act: 'silu' }));
  });

  test('a bitnet has no biases in its feed-forward parts', () => {
    const facts = (mlp_bias: boolean) => llama.configure(new ConfigReader({ model_type: 'bitnet', mlp_bias }));
    expect(facts(true)).toEqual(facts(false));
  });
});

describe('the reader', () => {
  test('remembers what was read: all else that is set is refused, all at once', () => {
    const reader = new ConfigReader({ a: 1, b: 2, c: null, d: false, torch_dtype: 'x', e: [3] });
    reader.number('a');
    expect(() => reader.finish()).toThrow(/'b': 2.*'e': \[3\]/);
    reader.ignore('b', 'e');
    reader.finish();
  });

  test('tells of what was passed over, if it is set', () => {
    const told: string[] = [];
    const reader = new ConfigReader({ a: 1, b: null, c: 0, deep: { a: 2 } });
    reader.passOver('a', 'a', 'b', 'c', 'd');
    reader.nested('deep')?.passOver('a');
    reader.finish((message) => told.push(message));
    expect(told).toEqual([expect.stringMatching(/: 'a': 1, 'c': 0, 'deep.a': 2\.$/)]);
  });

  test('counts rows from both ends, and takes for missing what is no row', () => {
    const reader = new ConfigReader({ a: 2, b: -1, c: 7, d: null, e: 'x' });
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => reader.row(key, 7))).toEqual([2, 6, ...Array(4)]);
  });

  test('takes null for missing', () => {
    const reader = new ConfigReader({ a: null });
    expect(reader.count('a', 4)).toBe(4);
    expect(reader.has('a')).toBe(false);
    expect(() => reader.count('a')).toThrow(/no 'a'/);
    expect(reader.object('a')).toBeUndefined();
  });
});
