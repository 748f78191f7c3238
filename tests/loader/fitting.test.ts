/** A tensor that fits into no memory is found before anything is loaded; formats that do fit are chosen, or named. */
import { describe, expect, test } from 'vitest';
import { Bank } from '../../src/backends/wasm/bank.ts';
import { MAX_TENSOR_BYTES } from '../../src/backends/wasm/index.ts';
import { UsageError } from '../../src/base/errors.ts';
import type { StoredDType } from '../../src/checkpoint/safetensors.ts';
import { safetensorsHeader, storedBytes } from '../../src/checkpoint/safetensors.ts';
import type { Folder, Source } from '../../src/checkpoint/source.ts';
import { describe as describeModel } from '../../src/loader/describe.ts';
import { type OpenOptions, openModel } from '../../src/loader/open.ts';

const WIDTH = 4096;

/** A model of one layer whose files say that they are as large as they like: only headers are read. */
function folderOf(vocabulary: number, dtype: StoredDType): Folder {
  const config = {
    ...{
      model_type: 'llama',
      hidden_size: WIDTH,
      intermediate_size: 64,
      num_attention_heads: 32,
      num_hidden_layers: 1,
    },
    ...{ vocab_size: vocabulary, tie_word_embeddings: true },
  };
  const layer = 'model.layers.0';
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [vocabulary, WIDTH]],
    ['model.norm.weight', [WIDTH]],
    ...['input_layernorm', 'post_attention_layernorm'].map((n): [string, number[]] => [
      `${layer}.${n}.weight`,
      [WIDTH],
    ]),
    ...['q', 'k', 'v', 'o'].map((n): [string, number[]] => [`${layer}.self_attn.${n}_proj.weight`, [WIDTH, WIDTH]]),
    ...['gate', 'up'].map((n): [string, number[]] => [`${layer}.mlp.${n}_proj.weight`, [64, WIDTH]]),
    [`${layer}.mlp.down_proj.weight`, [WIDTH, 64]],
  ];
  const header = safetensorsHeader(shapes.map(([name, shape]) => ({ name, shape, dtype })));
  const bytes = shapes.reduce((sum, [, shape]) => sum + storedBytes(shape, dtype), 0);
  const json = new TextEncoder().encode(JSON.stringify(config));
  const file = (name: string, content: Uint8Array, size: number): Source => ({
    name,
    size,
    async read(offset, into) {
      if (offset + into.length > content.length) throw new Error('weights are read');
      into.set(content.subarray(offset, offset + into.length));
    },
    close: async () => {},
  });
  return {
    name: 'large',
    list: async () => [],
    async open(name) {
      if (name === 'config.json') return file(name, json, json.length);
      return name === 'model.safetensors' ? file(name, header, header.length + bytes) : undefined;
    },
  };
}

const TOO_MANY = Math.floor(MAX_TENSOR_BYTES / (4 * WIDTH)) + 1;

async function open(vocabulary: number, dtype: StoredDType, options: OpenOptions = {}) {
  const warnings: string[] = [];
  const onWarning = (text: string) => void warnings.push(text);
  const opened = await openModel(folderOf(vocabulary, dtype), {
    maxTensorBytes: MAX_TENSOR_BYTES,
    onWarning,
    ...options,
  });
  return { opened, warnings };
}

test('the limit is that of a memory: so many bytes and no more', () => {
  // A small memory has the same shares as a large one.
  const bytes = 1 << 20;
  const limit = (bytes - 65536) * (MAX_TENSOR_BYTES / (2 ** 32 - 65536));
  expect(new Bank(0, false, bytes).takeLive(limit + 1)).toBeUndefined();
  expect(new Bank(0, false, bytes).takeLive(limit)).toBeDefined();
});

describe('a tensor above the limit', () => {
  test('auto takes the format with the least loss that fits, and says so', async () => {
    const { opened, warnings } = await open(TOO_MANY, 'F32');
    expect(opened.weights).toBe('bf16');
    expect(warnings.join()).toMatch(
      /'model.embed_tokens.weight' .* as f32, .*one memory with 32-bit addresses: the weights are kept as bf16/,
    );
    const wider = await open(2 * TOO_MANY, 'BF16');
    expect(wider.opened.weights).toBe('q8');
  });

  test('one number less is kept as it is stored, without a word', async () => {
    const { opened, warnings } = await open(TOO_MANY - 1, 'F32');
    expect(opened.weights).toBe('auto');
    expect(warnings).toEqual([]);
  });

  test('a format that was asked for is refused, and those that fit are named', async () => {
    const error = await open(TOO_MANY, 'BF16', { weights: 'f32' }).catch((error) => error);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(
      /'model.embed_tokens.weight' \[\d+, 4096\] takes \d+ bytes as f32.*take the weights as bf16, f16, q8, q4/,
    );
  });

  test('where no format fits, that is what is said', async () => {
    await expect(open(8 * TOO_MANY, 'BF16')).rejects.toThrow(/no format makes it small enough/);
  });

  test('info offers the formats that can be', async () => {
    const { opened } = await open(TOO_MANY, 'BF16');
    expect(Object.keys(describeModel(opened).weightBytes)).toEqual(['auto', 'bf16', 'f16', 'q8', 'q4']);
    expect(opened.weights).toBe('auto');
  });
});
