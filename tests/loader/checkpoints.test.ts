/**
 * Checkpoints as other tools leave them: those that transformers loads give its logits, and what is odd about them is a warning that names it.
 * The files come with the logits of transformers 5.18; tools/reference/make_checkpoints.py writes more of their kind.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors, storedBytes } from '../../src/checkpoint/safetensors.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import { type Folder, readBytes, type Source } from '../../src/checkpoint/source.ts';
import { type OpenOptions, openModel } from '../../src/loader/open.ts';
import { bytesOfAll } from '../checkpoint/saved.ts';

const root = fileURLToPath(new URL('../fixtures/checkpoints/', import.meta.url));

/** Largest difference, as a share of the largest logit. */
const TOLERANCE = 1e-4;

async function referenceOf(name: string) {
  const source = (await localFolder(root + name).open('reference.safetensors')) as Source;
  const arrays = new Map<string, ArrayBuffer>();
  for (const tensor of await readSafetensors(source)) {
    const bytes = new Uint8Array(tensor.byteLength);
    await tensor.read(0, bytes);
    arrays.set(tensor.name, bytes.buffer);
  }
  await source.close();
  return {
    ids: [...new Int32Array(arrays.get('ids') as ArrayBuffer)],
    logits: new Float32Array(arrays.get('logits') as ArrayBuffer),
  };
}

const zeros = (name: string, shape: readonly number[] = [2]): SavedTensor => ({
  name,
  shape,
  dtype: 'F32',
  bytes: () => [new Uint8Array(storedBytes(shape, 'F32'))],
});

const ones = (name: string): SavedTensor => ({ ...zeros(name), bytes: () => [new Uint8Array(8).fill(1)] });

/** A fixture with more tensors and other names, and perhaps with an index of the old names. */
async function withTensors(
  name: string,
  extra: readonly SavedTensor[],
  rename = (name: string) => name,
  indexed = false,
): Promise<Folder> {
  const folder = localFolder(root + name);
  const source = (await folder.open('model.safetensors')) as Source;
  const tensors: SavedTensor[] = [];
  const index: Record<string, string> = {};
  for (const { name, shape, dtype, byteLength, read } of await readSafetensors(source)) {
    const bytes = new Uint8Array(byteLength);
    await read(0, bytes);
    tensors.push({ name: rename(name), shape, dtype, bytes: () => [bytes] });
    index[name] = 'x.safetensors';
  }
  await source.close();
  const weights = await bytesOfAll(safetensorsBytes([...tensors, ...extra]));
  const json = new TextEncoder().encode(JSON.stringify({ weight_map: index }));
  const config = (await readBytes(folder, 'config.json', 1e6)) as Uint8Array;
  return memoryFolder(
    new Map([
      ['config.json', config],
      [indexed ? 'x.safetensors' : 'model.safetensors', weights],
      ...(indexed ? ([['model.safetensors.index.json', json]] as const) : []),
    ]),
  );
}

interface Loaded {
  readonly logits: Float32Array;
  readonly warnings: readonly string[];
}

async function load(name: string, ids: readonly number[], options: OpenOptions = {}): Promise<Loaded> {
  const warnings: string[] = [];
  const onWarning = (text: string) => void warnings.push(text);
  const opened = await openModel(localFolder(root + name), { onWarning, ...options });
  const model = await Model.load(opened, createReferenceBackend(), { onWarning });
  const { data } = await model.logits(ids);
  await model.dispose();
  return { logits: data as Float32Array, warnings };
}

function difference(found: Float32Array, wanted: Float32Array): number {
  expect(found.length).toBe(wanted.length);
  const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return found.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (wanted[i] as number))), 0) / largest;
}

const HEAD = /'lm_head.weight' to '\S*embed\S*'.*they differ: the stored head is used.*--tied-head embedding/;

/** What is said of each, in order; those that are not here are loaded without a word. */
const WARNINGS: Readonly<Record<string, readonly RegExp[]>> = {
  'tied-head-differs-llama': [HEAD],
  'tied-head-differs-granite': [HEAD],
  'made-tied-differs-mamba': [HEAD],
  'made-tied-differs-granite-moe': [HEAD],
  'made-tied-differs-late': [HEAD],
  'made-tied-differs-bf16': [HEAD],
  'made-tied-differs-bin': [HEAD],
  'made-tied-ignored-mamba': [
    /'model.lm_head.weight' differs from 'backbone.embeddings.weight'.*not used.*--tied-head stored/,
  ],
  'made-sliding-window': [/'partial_rotary_factor': 0.5.*'sliding_window': 2/],
  'extra-kv-scales': [/self_attn\.\S*k_scale/],
  'extra-value-head': [/v_head\./],
  'made-extra-other-heads': [/7 tensors of other heads or tools.*v_head\./],
  'made-extra-buffers': [/5 tensors of other heads or tools.*model\.layers\.\*\.self_attn\./],
  'made-extra-cache-scales': [/8 tensors of other heads or tools.*_scale/],
  'config-infinity': [/'max_grad_norm': Infinity/],
  'index-lists-tied-head': [/index.json lists 1 tensor that is in none of the files: lm_head.weight/],
};

/** Those that transformers loads with random weights, which is as good as not. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'prefix-orig-mod':
    /no tensor 'model.embed_tokens.weight'.*'_orig_mod.model.embed_tokens.weight'.*'_orig_mod.'.*torch.compile/,
};

const names = readdirSync(root);

describe('a checkpoint that transformers loads gives its logits', () => {
  test.each(names.filter((name) => !(name in REFUSED)))('%s', async (name) => {
    const { ids, logits } = await referenceOf(name);
    const loaded = await load(name, ids);
    expect(difference(loaded.logits, logits)).toBeLessThanOrEqual(TOLERANCE);
    const wanted = WARNINGS[name] ?? [];
    expect(loaded.warnings).toHaveLength(wanted.length);
    for (const [i, text] of loaded.warnings.entries()) expect(text).toMatch(wanted[i] as RegExp);
  });
});

describe('a checkpoint that transformers does not load is refused, and the message says how to mend it', () => {
  test.each(Object.entries(REFUSED))('%s', async (name, message) => {
    const error = await openModel(localFolder(root + name)).catch((error) => error);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });
});

describe('tiedHead', () => {
  const name = 'made-tied-differs-mamba';

  test('embedding: what transformers 4 did, and what it does without the head in the file', async () => {
    const { ids, logits } = await referenceOf(name);
    const tied = await load(name, ids, { tiedHead: 'embedding' });
    expect(tied.warnings).toEqual([]);
    expect(difference(tied.logits, logits)).toBeGreaterThan(0.1);
    expect(tied).toEqual(await load(name, ids, { ignoreTensors: ['lm_head.*'] }));
  });

  test('stored: the head of the file, without a word, also where the reference passes over it', async () => {
    const { ids, logits } = await referenceOf(name);
    const stored = await load(name, ids, { tiedHead: 'stored' });
    expect(stored.warnings).toEqual([]);
    expect(difference(stored.logits, logits)).toBeLessThanOrEqual(TOLERANCE);
    const ignored = await referenceOf('made-tied-ignored-mamba');
    const used = await load('made-tied-ignored-mamba', ignored.ids, { tiedHead: 'stored' });
    expect(used.warnings).toEqual([]);
    expect(difference(used.logits, ignored.logits)).toBeGreaterThan(0.1);
  });

  test('a family whose reference always ties them uses the embedding, and the head when told to', async () => {
    const head = zeros('lm_head.weight', [23, 16]);
    const folder = await withTensors('../../golden/backpack-formula', [head]);
    const logitsOf = async (options: OpenOptions) => {
      const warnings: string[] = [];
      const onWarning = (text: string) => void warnings.push(text);
      const opened = await openModel(folder, options);
      const model = await Model.load(opened, createReferenceBackend(), { onWarning });
      const { data } = await model.logits([1, 2, 3]);
      await model.dispose();
      return { zero: data.every((x) => x === 0), warnings };
    };
    expect(await logitsOf({})).toEqual({
      zero: false,
      warnings: [expect.stringMatching(/'lm_head.weight' differs.*not used/)],
    });
    expect(await logitsOf({ tiedHead: 'embedding' })).toEqual({ zero: false, warnings: [] });
    expect(await logitsOf({ tiedHead: 'stored' })).toEqual({ zero: true, warnings: [] });
  });

  test('what cannot be met is refused: a stored head where there is none', async () => {
    const opening = openModel(localFolder(`${root}no-base-prefix`), { tiedHead: 'stored' });
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(/no lm_head.weight/);
  });

  test.each(['auto', 'q8'] as const)('a saved model has the head that was loaded, with %s weights', async (weights) => {
    const { ids } = await referenceOf(name);
    for (const tiedHead of ['stored', 'embedding', undefined] as const) {
      const opened = await openModel(localFolder(root + name), { tiedHead, weights });
      const model = await Model.load(opened, createReferenceBackend());
      const { data: wanted } = await model.logits(ids);
      const files = new Map<string, Uint8Array>();
      for (const file of await model.files()) files.set(file.name, await bytesOfAll(file.bytes()));
      await model.dispose();
      const warnings: string[] = [];
      const onWarning = (text: string) => void warnings.push(text);
      const again = await Model.load(await openModel(memoryFolder(files), { onWarning }), createReferenceBackend());
      expect((await again.logits(ids)).data).toEqual(wanted);
      await again.dispose();
      expect(warnings).toEqual([]);
    }
  });

  test('the memory that is told is that of both tables', async () => {
    const [both, one] = await Promise.all([
      openModel(localFolder(root + name)),
      openModel(localFolder(root + name), { tiedHead: 'embedding' }),
    ]);
    expect(both.plan.bytes - one.plan.bytes).toBe(32 * 16 * 4);
    expect(both.bytesIn('bf16') - one.bytesIn('bf16')).toBe(32 * 16 * 2);
    for (const { checkpoint } of [both, one]) await checkpoint.close();
  });
});

describe('tensors that a model does not read', () => {
  const refusal = async (extra: readonly SavedTensor[], options: OpenOptions = {}) =>
    openModel(await withTensors('made-tied-equal', extra), options).then(
      () => '',
      (error) => {
        expect(error).toBeInstanceOf(CheckpointError);
        return error.message;
      },
    );

  test.each([
    ['model.layers.0.self_attn.q_proj.bias', /attention_bias/],
    ['model.layers.1.mlp.up_proj.weight', /num_hidden_layers/],
    ['model.layers.0.self_attn.q_proj.lora_A.weight', /merge_and_unload/],
    ['model.layers.0.mlp.up_proj.weight_scale_inv', /quantised/],
    ['lm_head.bias', /bias/],
    ['something.else', /config.json/],
  ])('%s could change something: refused, with a way round that works', async (name, hint) => {
    const message = await refusal([ones(name)]);
    expect(message).toContain(name);
    expect(message).toMatch(hint);
    expect(message).toContain('--ignore-tensors');
    expect(await refusal([ones(name)], { ignoreTensors: [name] })).toBe('');
  });

  test('biases that are zero change nothing', async () => {
    expect(await refusal([zeros('model.layers.0.self_attn.q_proj.bias', [16])])).toBe('');
    expect(await refusal([zeros('lm_head.bias', [16]), zeros('model.norm.bias', [16])])).toBe('');
  });

  test('globs take many, and one that takes none is refused', async () => {
    const extra = [zeros('a.b.x'), zeros('a.c.y'), zeros('z')];
    expect(await refusal(extra, { ignoreTensors: ['a.*', 'z'] })).toBe('');
    expect(await refusal(extra, { ignoreTensors: ['a.*'] })).toContain('1 tensor that this model does not read: z');
    const opening = openModel(await withTensors('made-tied-equal', extra), { ignoreTensors: ['b.*'] });
    await expect(opening).rejects.toThrow(UsageError);
  });

  test('a tensor that the model needs cannot be passed over', async () => {
    expect(await refusal([], { ignoreTensors: ['model.norm.*'] })).toContain("no tensor 'model.norm.weight'");
  });
});

describe('names with something in front of or between them', () => {
  test.each([
    ['module.', (name: string) => `module.${name}`, /'module.', the mark of DataParallel/],
    ['base_model.model.', (name: string) => `base_model.model.${name}`, /'base_model.model.', the mark of peft/],
    ['a part within', (name: string) => name.replace('layers.0.', 'layers.0._orig_mod.'), /'_orig_mod.', the mark of/],
    ['another', (name: string) => `language_model.${name}`, /'language_model.'/],
  ])('%s: refused, and the message says what must go', async (_, rename, message) => {
    const error = await openModel(await withTensors('made-tied-equal', [], rename)).catch((error) => error);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });

  test('of another model: the message says which are there', async () => {
    const error = await openModel(await withTensors('made-tied-equal', [], (name) => `${name}x`)).catch(
      (error) => error,
    );
    expect(error.message).toContain('it has lm_head.weightx');
  });

  test('that the index promises and no file has: the message says so', async () => {
    const folder = await withTensors(
      'made-tied-equal',
      [],
      (name) => (name === 'model.norm.weight' ? 'x' : name),
      true,
    );
    await expect(openModel(folder)).rejects.toThrow(/no tensor 'model.norm.weight'.*its index says that it is in/);
  });
});
