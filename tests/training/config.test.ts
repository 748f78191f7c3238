/**
 * Configurations of runs: what is taken, what is refused and how, and the JSON Schema in the package.
 * `vitest run tests/training/config.test.ts -u` writes the schema anew.
 */
import { readFileSync } from 'node:fs';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parseTrainingConfig, TRAINING, trainingConfig } from '../../src/training/config.ts';
import { withSettings } from '../../src/training/settings.ts';

type Json = { readonly [key: string]: unknown } | readonly Json[] | string | number | boolean | null;

/** Titles are the texts after 'wanted' in messages; a schema says them where a key has no description. */
function described(value: Json): Json {
  if (Array.isArray(value)) return value.map(described);
  if (typeof value !== 'object' || value === null) return value;
  const { title, ...rest } = value as Record<string, Json>;
  const isPlain = rest.description !== undefined || rest.type === 'object' || rest.const !== undefined || rest.oneOf;
  const description = rest.description ?? (isPlain ? undefined : title);
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, one]) => [key, key === 'default' ? one : described(one)]),
  );
  return (typeof title === 'string' && description !== undefined ? { description, ...inner } : inner) as Json;
}

const { $schema: _, ...converted } = toJsonSchema(TRAINING as unknown as v.GenericSchema, {
  target: 'draft-2020-12',
  ignoreActions: ['finite'], // JSON has no other numbers
}) as Record<string, Json>;
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Training runs of Portmanteau',
  description: 'What `portmanteau train` trains, on what, and how. docs/training.md explains it.',
  ...(described(converted) as object),
};

/** The example by which other trainers are compared. */
const comparable = {
  model: 'DIR',
  train: 'full',
  data: {
    ids: [
      [3, 17, 5],
      [7, 9, 11],
    ],
  },
  batch: 2,
  steps: 10,
  optimizer: { name: 'adamw', lr: 0.003, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1, decay: 'all' },
  schedule: { name: 'constant' },
  clip: 1,
  zLoss: 1e-4,
  lambda: { name: 'linear', steps: 5 },
  seed: 1,
  out: 'DIR',
} as const;

const small = { model: 'm', data: { ids: [[1, 2]] }, steps: 1, optimizer: { name: 'adamw', lr: 1e-3 } } as const;

const good = [
  comparable,
  small,
  { ...small, data: { files: ['a.txt', 'b/*.jsonl'], field: 'text', sequence: 512, validation: 0.01 } },
  { ...small, schedule: { name: 'cosine', warmup: 10, floor: 1e-5 } },
  { ...small, schedule: { name: 'power', a: 4, b: -0.51, decay: 5 } },
  { ...small, train: 'lora', lora: { rank: 4, targets: ['*.q_proj'] }, weights: 'q8' },
  {
    ...small,
    optimizer: {
      ...small.optimizer,
      decay: { except: ['*.bias'] },
      groups: [{ tensors: ['*_proj.weight'], rate: 0.25 }],
    },
  },
  { ...small, balance: { name: 'dolomite', coefficient: 0.001, zLoss: 0.1 } },
  {
    ...small,
    steps: undefined,
    stages: [{ steps: 2 }, { steps: 3, sequence: 1024, config: { rope_theta: 1e5 }, lr: 1e-4 }],
  },
  {
    ...small,
    model: undefined,
    initialize: { config: { model_type: 'x' }, rules: [{ tensors: ['*'], values: 'normal', std: 0.02 }] },
  },
  { ...small, evaluate: { every: 5 }, checkpoint: { every: 5, keep: 1 }, samples: { every: 5, prompts: ['Once'] } },
];

/** Wrong configurations, and the message for each. */
const bad: readonly (readonly [object, string])[] = [
  [{ ...small, stpes: 3 }, "run.json has an unknown key 'stpes'; did you mean 'steps'? The keys are $schema, model, "],
  [{ ...small, optimizer: { name: 'adamw' } }, "run.json has no 'optimizer.lr', wanted a finite number above 0."],
  [
    { ...small, optimizer: { name: 'adam', lr: 1 } },
    "run.json has 'optimizer.name': \"adam\", wanted one of adamw. Did you mean 'adamw'?",
  ],
  [{ ...small, optimizer: { lr: 1 } }, "run.json has no 'optimizer.name', wanted one of adamw."],
  [
    { ...small, optimizer: { name: 'adamw', lr: 1, weight_decay: 1 } },
    "run.json has an unknown key 'optimizer.weight_decay'; did you mean 'weightDecay'? The keys of 'optimizer' are name, lr,",
  ],
  [
    { ...small, optimizer: { name: 'adamw', lr: 1, betas: [0.9, 1] } },
    "run.json has 'optimizer.betas': [0.9,1], wanted two numbers from 0 on and below 1.",
  ],
  [
    { ...small, optimizer: { name: 'adamw', lr: 1, decay: 'some' } },
    "run.json has 'optimizer.decay': \"some\", wanted 'all', 'matrices'",
  ],
  [
    { ...small, optimizer: { name: 'adamw', lr: 1, groups: [{ tensors: ['a'] }, { tensors: 'b' }] } },
    'run.json has \'optimizer.groups[1].tensors\': "b", wanted a list of texts.',
  ],
  [
    { ...small, schedule: { name: 'cosin' } },
    "run.json has 'schedule.name': \"cosin\", wanted one of constant, linear, cosine, exponential, cooldown, power. Did you mean 'cosine'?",
  ],
  [
    { ...small, schedule: 'cosine' },
    "run.json has 'schedule': \"cosine\", wanted an object with a 'name', one of constant,",
  ],
  [
    { ...small, schedule: { name: 'cooldown' } },
    "run.json has no 'schedule.cooldown', wanted a whole number from 1 on.",
  ],
  [
    { ...small, data: { ids: [[1]] } },
    "run.json has 'data.ids': [[1]], wanted a list of lists of at least two token ids.",
  ],
  [
    { ...small, data: {} },
    'run.json has \'data\': {}, wanted { "ids": [[...], ...] }, { "files": [...] }, { "texts": [...] } or { "records": [...] }.',
  ],
  [
    { ...small, data: { files: ['a'], sequnce: 5 } },
    "run.json has an unknown key 'data.sequnce'; did you mean 'sequence'?",
  ],
  [{ ...small, steps: 0 }, "run.json has 'steps': 0, wanted a whole number from 1 on."],
  [{ ...small, steps: '5' }, 'run.json has \'steps\': "5", wanted a whole number from 1 on.'],
  [{ ...small, evaluate: true }, "run.json has 'evaluate': true, wanted an object."],
  [[], 'run.json came as [], wanted an object.'],
];

/** Refused for how its keys go together, which the JSON Schema does not say. */
const contradictory: readonly (readonly [object, string])[] = [
  [{ ...small, steps: undefined }, "run.json has no 'steps', wanted a whole number from 1 on."],
  [{ ...small, stages: [{ steps: 2 }] }, "run.json has both 'steps' and 'stages'"],
  [{ ...small, model: undefined }, "run.json has no 'model', wanted a folder or a Hub id"],
  [{ ...small, lora: {} }, "run.json has 'lora' but trains 'full'"],
  [{ ...small, weights: 'q8' }, "run.json has 'weights': \"q8\" but trains 'full', with masters in f32"],
  [
    { ...small, schedule: { name: 'cosine', floor: 0.01 } },
    "run.json has 'schedule.floor': 0.01, but the highest rate there is 0.001",
  ],
  [
    { ...small, steps: undefined, stages: [{ steps: 1 }, { steps: 1, schedule: { name: 'linear', floor: 1 } }] },
    "run.json has 'stages[1].schedule.floor': 1,",
  ],
  [
    { ...small, steps: undefined, schedule: { name: 'linear', floor: 1e-4 }, stages: [{ steps: 1, lr: 1e-5 }] },
    "run.json has 'schedule.floor': 0.0001, but the highest rate there is 0.00001",
  ],
  [{ ...small, data: { files: [] } }, 'data.files is empty, wanted at least one.'],
  [{ ...small, data: { texts: [] } }, 'data.texts is empty, wanted at least one.'],
];

describe('a configuration', () => {
  it('is complete after the check: what is absent has its default', () => {
    const config = trainingConfig(comparable);
    expect(config).toMatchObject(comparable);
    expect(config).toMatchObject({ accumulate: 1, recompute: false, compute: 'f32', freeze: [] });
    expect(config.schedule).toEqual({ name: 'constant', warmup: 0, warmupOffset: 1 });
    expect(trainingConfig(small).optimizer).toEqual({
      ...{ name: 'adamw', lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, decay: 'all', groups: [] },
    });
    expect(trainingConfig(config)).toEqual(config); // checked twice, it is the same
  });

  it.each(bad.concat(contradictory))('is refused with its key: %j', (config, message) => {
    expect(() => trainingConfig(config, 'run.json')).toThrow(message);
  });

  it('is read from JSON', () => {
    expect(parseTrainingConfig(JSON.stringify(small), 'run.json').steps).toBe(1);
    expect(() => parseTrainingConfig('{', 'run.json')).toThrow('run.json is no JSON: ');
  });

  it('takes settings of single keys', () => {
    const config = withSettings(comparable, [
      'optimizer.lr=1e-4',
      'steps=3',
      'schedule={"name":"linear"}',
      'out=a=b',
      'data.ids=[[1,2]]',
    ]);
    expect(config).toMatchObject({
      optimizer: { lr: 1e-4, eps: 1e-8 },
      steps: 3,
      schedule: { name: 'linear' },
      out: 'a=b',
    });
    expect(comparable.steps).toBe(10);
    expect(withSettings(comparable, ['lambda=null'])).not.toHaveProperty('lambda');
    expect(() => withSettings(comparable, ['steps'])).toThrow(
      "--set came as 'steps', wanted KEY=VALUE, such as optimizer.lr=0.001.",
    );
    expect(() => withSettings(comparable, ['steps.x=1'])).toThrow("--set steps.x=1: 'steps' is no object.");
    for (const [config, shown] of [
      [null, 'null'],
      [[1], '[1]'],
      ['x', '"x"'],
    ])
      expect(() => withSettings(config, ['out=a'])).toThrow(`came as ${shown}, wanted an object.`);
  });
});

describe('the JSON Schema', () => {
  it('lies in the package', async () => {
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../schemas/training.schema.json');
  });

  it('takes and refuses what the checks take and refuse', () => {
    const file = readFileSync(new URL('../../schemas/training.schema.json', import.meta.url), 'utf8');
    const holds = new Ajv2020().compile(JSON.parse(file) as object);
    const json = (value: object) => JSON.parse(JSON.stringify(value)) as unknown;
    for (const config of good) {
      expect(holds(json(config)), JSON.stringify(config)).toBe(true);
      expect(() => trainingConfig(config), JSON.stringify(config)).not.toThrow();
    }
    for (const [config] of bad) expect(holds(json(config)), JSON.stringify(config)).toBe(false);
  });
});
