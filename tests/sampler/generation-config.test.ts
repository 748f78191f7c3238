/** generation_config.json counts as it does for transformers' generate: tests/golden/generation.json, made by tools/reference/cases_generation.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PromptOptions } from '../../src/api/generation-call.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { Folder } from '../../src/checkpoint/source.ts';
import { describe as describeModel } from '../../src/loader/describe.ts';
import { type OpenedModel, type OpenOptions, openModel } from '../../src/loader/open.ts';
import { NO_DEFAULTS, readGenerationConfig, withDefaults } from '../../src/sampler/generation-config.ts';

interface Case {
  readonly about: string;
  /** Null: there is no such file. */
  readonly generationConfig: Record<string, unknown> | null;
  /** Added to config.json. */
  readonly config: Record<string, unknown>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly ids: number[];
}

const golden = JSON.parse(readFileSync('tests/golden/generation.json', 'utf8')) as {
  readonly model: string;
  readonly prompt: string;
  readonly cases: readonly Case[];
};
const folder = fileURLToPath(new URL(`../../models/${golden.model}`, import.meta.url));

/** The shipped model with other files; null takes one away. */
function withFiles(files: Readonly<Record<string, object | null>>): Folder {
  const shipped = localFolder(folder);
  const bytes = new Map(
    Object.entries(files).map(([name, json]) => [name, new TextEncoder().encode(JSON.stringify(json))]),
  );
  const own = memoryFolder(bytes);
  return {
    ...shipped,
    open: (name) => (files[name] === null ? Promise.resolve(undefined) : (bytes.has(name) ? own : shipped).open(name)),
  };
}

const checkpoints: Checkpoint[] = [];
afterEach(async () => {
  for (const checkpoint of checkpoints.splice(0)) await checkpoint.close();
});

async function open(generation: object | null, config: object = {}, options: OpenOptions = {}): Promise<OpenedModel> {
  const stored = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as object;
  const files = { 'generation_config.json': generation, 'config.json': { ...stored, ...config } };
  const opened = await openModel(withFiles(files), { weights: 'f32', ...options });
  checkpoints.push(opened.checkpoint);
  return opened;
}

/** Runs with a model of which no more than the files differ. */
async function withModel<T>(opened: ReturnType<typeof open>, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await Model.load(await opened, createReferenceBackend());
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

const NAMES: Readonly<Record<string, keyof PromptOptions>> = {
  max_new_tokens: 'maxNewTokens',
  repetition_penalty: 'repetitionPenalty',
};

/** What our options say of transformers'. `do_sample` is a temperature here. */
function optionsOf(options: Case['options']): PromptOptions {
  const own = Object.entries(options).map(([name, value]) =>
    name === 'do_sample' ? ['temperature', 1] : [NAMES[name], value ?? undefined],
  );
  return Object.fromEntries(own) as PromptOptions;
}

describe('the ids are those of transformers', () => {
  test.each(golden.cases)('$about', async ({ generationConfig, config, options, ids }) => {
    const { ids: given } = await withModel(open(generationConfig, config), (model) =>
      model.complete(golden.prompt, optionsOf(options)),
    );
    expect(given).toEqual(ids);
  });
});

describe('a file with a penalty, suppressed tokens and an end', () => {
  const file = { repetition_penalty: 1.3, suppress_tokens: [328], eos_token_id: [0, 607], max_new_tokens: 30 };
  const plain = [344, 547, 259, 600, 468, 363, 291, 274, 455, 89, 12, 270];
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(await open(file), createReferenceBackend());
  });
  afterAll(() => model.dispose());
  const ids = async (options: PromptOptions) => (await model.complete(golden.prompt, options)).ids;

  test('holds until options say otherwise, one by one or all at once', async () => {
    const wanted = [344, 547, 298, 260, 1006, 14, 199, 343, 724, 654, 12, 607];
    expect(await ids({})).toEqual(wanted); // ends with 607
    expect(await ids({ maxNewTokens: 3 })).toEqual(wanted.slice(0, 3));
    expect(await ids({ maxLength: 10 })).toEqual(wanted.slice(0, 2));
    expect(await ids({ repetitionPenalty: 1, suppressTokens: [], maxNewTokens: 12 })).toEqual(plain);
    expect(await ids({ generationConfig: false, maxNewTokens: 12 })).toEqual(plain);
    expect(
      await ids({ generationConfig: { repetition_penalty: null, suppress_tokens: null }, maxNewTokens: 12 }),
    ).toEqual(plain);
    expect(await ids({ generationConfig: { eos_token_id: 260 } })).toEqual(wanted.slice(0, 4));
  });

  test('counts what a state has read for lengths and penalties', async () => {
    const whole = await ids({});
    const state = model.newState();
    const prompt = model.encode(golden.prompt);
    await model.complete(prompt.slice(0, 4), { state, maxNewTokens: 0 });
    const rest = await model.complete(prompt.slice(4), { state });
    expect(rest.ids).toEqual(whole);
    state.dispose();
  });

  test('is described', async () => {
    expect(describeModel(partsOf(model).opened).generation).toEqual({
      source: 'generation_config.json',
      samples: false,
      options: { repetitionPenalty: 1.3, suppressTokens: [328], maxNewTokens: 30 },
      endIds: [0, 607],
      unsupported: [],
    });
    expect(describeModel(await open({ bos_token_id: 0 })).generation.source).toBeUndefined();
  });

  test('is changed by keys that exist; a misspelt one is refused with the right one, and a file may have any', async () => {
    const refused: [object, RegExp][] = [
      [{ topk: 3 }, /no key 'topk'; did you mean 'top_k'\?/],
      [{ topK: 3 }, /did you mean 'top_k'/],
      [{ maxNewTokens: 3 }, /did you mean 'max_new_tokens'/],
      [{ sample: true }, /did you mean 'do_sample'/],
      [{ xyzzy_plugh_frobnicate: 1 }, /no key 'xyzzy_plugh_frobnicate'; Its keys are those of generation_config.json/],
    ];
    for (const [generationConfig, told] of refused) {
      await expect(open(file, {}, { generationConfig: { ...generationConfig } })).rejects.toThrow(told);
      await expect(ids({ generationConfig: { ...generationConfig } })).rejects.toThrow(UsageError);
    }
    const others = { transformers_version: '5.18.0', use_cache: false, pad_token_id: 0, num_assistant_tokens: 20 };
    expect((await open(file, {}, { generationConfig: others })).generation.options).toMatchObject({ maxNewTokens: 30 });
    expect((await open({ ...file, topk: 3 })).generation.options).not.toHaveProperty('topK');
  });

  test('ids of a bias that the model lacks are refused by the name of the option', async () => {
    await expect(ids({ logitBias: { 99999: 1 } })).rejects.toThrow(
      /^logitBias or sequenceBias has token id 99999, which does not exist: this model has ids 0 to 1023\.$/,
    );
    await expect(ids({ badWordsIds: [[1, 99999]] })).rejects.toThrow(/^badWordsIds has token id 99999/);
  });

  test('what is read with a state counts where a prompt does not fit', async () => {
    const state = model.newState();
    await model.complete(Array(500).fill(1), { state, maxNewTokens: 0 });
    const more = model.complete(Array(20).fill(1), { state });
    await expect(more).rejects.toThrow(/at most 512\. The state has read \d+ of them, and \d+ are new/);
    state.dispose();
  });

  test('is left out or changed when the model is opened', async () => {
    const without = await open(file, {}, { generationConfig: false });
    expect(without.generation.options).toEqual({});
    expect([...without.endIds]).toEqual([0, 607]); // the model still ends its texts
    const changed = await open(file, {}, { generationConfig: { suppress_tokens: null, top_k: 3 } });
    expect(changed.generation.options).toEqual({ repetitionPenalty: 1.3, topK: 3, maxNewTokens: 30 });
  });
});

test('of a prompt that is longer than a length, the error says so', async () => {
  await withModel(open({ max_length: 4 }), async (model) => {
    const failing = model.complete(golden.prompt);
    await expect(failing).rejects.toThrow(UsageError);
    await expect(failing).rejects.toThrow(/prompt has 8 tokens, and maxLength is 4/);
    expect((await model.complete(golden.prompt, { maxNewTokens: 1 })).ids).toHaveLength(1);
  });
});

test('a file that samples does so with another seed each time, which is told', async () => {
  await withModel(open({ do_sample: true, temperature: 5 }), async (model) => {
    const [a, b] = [await model.complete(golden.prompt), await model.complete(golden.prompt)];
    expect(a.seed).not.toBe(b.seed);
    expect(a.ids).not.toEqual(b.ids);
    const { seed } = a;
    expect(await model.complete(golden.prompt, { seed })).toEqual(a);
    const greedy = await model.complete(golden.prompt, { temperature: 0 });
    expect(greedy).not.toHaveProperty('seed');
    expect(await model.complete(golden.prompt, { generationConfig: { do_sample: false } })).toEqual(greedy);
  });
});

describe('options and defaults', () => {
  const read = (config: Record<string, unknown>) => readGenerationConfig(config, 'generation_config.json');
  const sampling = read({ do_sample: true, temperature: 0.6, top_p: 0.9 });
  const still = read({ temperature: 0.6, top_p: 0.9 });

  test('a file that samples brings the top-k of 50 that transformers has, unless it names one', () => {
    expect(withDefaults(sampling, {})).toEqual({ temperature: 0.6, topP: 0.9, topK: 50 });
    expect(withDefaults(read({ do_sample: true, top_k: 0 }), {})).toEqual({ temperature: 1, topK: 0 });
    expect(withDefaults(sampling, { topK: 0, temperature: 0.2 })).toMatchObject({
      temperature: 0.2,
      topP: 0.9,
      topK: 0,
    });
  });

  test('what concerns sampling waits until it is turned on', () => {
    expect(withDefaults(still, {}).temperature).toBe(0);
    expect(withDefaults(still, { temperature: 1.5 })).toMatchObject({ temperature: 1.5, topP: 0.9 });
    expect(withDefaults(still, { topK: 5 })).toMatchObject({ temperature: 0.6, topP: 0.9, topK: 5 });
    expect(withDefaults(read({ do_sample: true, temperature: 0 }), {}).temperature).toBe(0);
  });

  test('an option that leaves nothing out does not turn on sampling', () => {
    for (const options of [{ topK: 0 }, { topP: 1 }, { minP: 0 }, { seed: 1 }, { typicalP: 1, etaCutoff: 0 }])
      expect(withDefaults(NO_DEFAULTS, options).temperature).toBe(0);
    for (const options of [{ topK: 2 }, { topP: 0.9 }, { minP: 0.1 }])
      expect(withDefaults(NO_DEFAULTS, options).temperature).toBe(1);
    expect(withDefaults(sampling, { topK: 0 }).temperature).toBe(0.6);
  });

  test('undefined options are absent', () => {
    expect(withDefaults(sampling, { temperature: undefined, topP: undefined })).toMatchObject({
      temperature: 0.6,
      topP: 0.9,
    });
  });
});

describe('what is no value is named', () => {
  test.each([
    [{ temperature: 'hot' }, /'temperature': "hot", wanted a finite number/],
    [{ repetition_penalty: 0 }, /'repetition_penalty': 0, wanted a finite number above 0/],
    [{ top_k: -1 }, /'top_k': -1/],
    [{ do_sample: 'yes' }, /'do_sample': "yes", wanted true or false/],
    [{ suppress_tokens: [1.5] }, /'suppress_tokens': \[1.5\], wanted a list of token ids/],
    [{ bad_words_ids: [[]] }, /'bad_words_ids'/],
    [{ eos_token_id: '2' }, /'eos_token_id': "2", wanted a token id/],
    [{ max_new_tokens: 0 }, /'max_new_tokens': 0/],
    [{ stop_strings: [1] }, /'stop_strings'/],
    [{ exponential_decay_length_penalty: [1] }, /'exponential_decay_length_penalty'/],
  ])('%j', async (config, message) => {
    const failing = open(config);
    await expect(failing).rejects.toThrow(CheckpointError);
    await expect(failing).rejects.toThrow(message);
    const { generation } = await open(config, {}, { generationConfig: false });
    expect(generation).toEqual(NO_DEFAULTS);
  });

  test('a file that is no JSON object, too', async () => {
    await expect(open([1])).rejects.toThrow(/generation_config.json/);
  });
});

test('what would change texts and is not done is a warning that names it; all else is passed over', async () => {
  const warnings = async (config: object) => {
    const told: string[] = [];
    await open(config, {}, { onWarning: (message) => told.push(message) });
    return told;
  };
  expect(await warnings({ num_beams: 4, guidance_scale: 1.5, top_h: 0.4 })).toEqual([
    expect.stringMatching(
      /generation_config.json sets num_beams: 4, guidance_scale: 1.5, which this library does not do/,
    ),
  ]);
  expect(await warnings({ do_sample: true, top_h: 0.4 })).toEqual([expect.stringMatching(/top_h: 0.4/)]);
  const harmless = {
    ...{
      num_beams: 1,
      guidance_scale: 1,
      length_penalty: 2,
      early_stopping: true,
      use_cache: false,
      num_return_sequences: 1,
    },
    ...{
      pad_token_id: 0,
      transformers_version: '5.0',
      _from_model_config: true,
      chat_format: 'chatml',
      max_time: null,
    },
    ...{ top_p: 1.5, typical_p: 1, epsilon_cutoff: 0, eta_cutoff: 2 }, // all of which keep all tokens
  };
  expect(await warnings(harmless)).toEqual([]);
  expect((await open(harmless)).generation.options).toEqual({});
});

test('stop_strings end a text before they come', async () => {
  await withModel(open({ stop_strings: [' a'] }), async (model) => {
    expect(await model.complete(golden.prompt)).toMatchObject({ text: ' had been', finishReason: 'stop' });
    expect(await model.complete(golden.prompt, { stop: 'en' })).toMatchObject({ text: ' had be' });
  });
});

test('the file of the reported case gives the ids that it was reported with', async () => {
  const text = readFileSync('tests/fixtures/generation-config-penalty/generation_config.json', 'utf8');
  const { ids } = await withModel(open(JSON.parse(text) as object), (model) =>
    model.complete('Once there was a king who', { maxNewTokens: 12 }),
  );
  expect(ids).toEqual([344, 547, 298, 260, 1006, 14, 199, 343, 724, 654, 12, 607]);
});
