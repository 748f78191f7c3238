/** First values of new models. */
import { describe, expect, it } from 'vitest';
import { size } from '../../src/base/tensor.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import type { SavedFile } from '../../src/checkpoint/save.ts';
import { openModel } from '../../src/loader/open.ts';
import { checkSection } from '../../src/options/section.ts';
import { newModel } from '../../src/training/initialize/new-model.ts';
import { philox } from '../../src/training/initialize/philox.ts';
import { INITIALIZE } from '../../src/training/initialize/rules.ts';
import { initialValues, inverseSoftplus, type NewTensor } from '../../src/training/initialize/values.ts';

const rulesOf = (...rules: object[]) => checkSection('rules', { rules }, INITIALIZE).rules;

const valuesOf = (rule: object, { seed = 1, ...tensor }: Partial<NewTensor> & { seed?: number } = {}) => {
  const whole: NewTensor = { name: 'x', shape: [200, 500], fanIn: 500, ...tensor };
  const blocks = [...initialValues(rulesOf({ tensors: ['*'], ...rule }), seed, [whole])(whole)];
  expect(blocks.reduce((sum, { length }) => sum + length, 0)).toBe(size(whole.shape));
  return Float32Array.from(blocks.flatMap((block) => [...block]));
};

const moments = (values: Float32Array) => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const deviations = values.map((x) => x - mean);
  const power = (n: number) => deviations.reduce((sum, x) => sum + x ** n, 0) / values.length;
  return { mean, std: Math.sqrt(power(2)), kurtosis: power(4) / power(2) ** 2 };
};

describe('Philox', () => {
  const words = (counter: [number, number, number, number], key: [number, number]) => {
    const out = new Uint32Array(4);
    philox(counter, key, out);
    return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
  };

  it('has the known answers of Random123', () => {
    expect(words([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const ones = 0xffffffff;
    expect(words([ones, ones, ones, ones], [ones, ones])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });
});

describe('values', () => {
  it('are normal', () => {
    const { mean, std, kurtosis } = moments(valuesOf({ values: 'normal', std: 0.02 }));
    expect(Math.abs(mean)).toBeLessThan(3e-4); // 5 standard errors of 100,000 numbers
    expect(std / 0.02).toBeCloseTo(1, 2);
    expect(kurtosis).toBeCloseTo(3, 0.5);
  });

  it('are uniform between limits, or by the number of inputs', () => {
    const some = valuesOf({ values: 'uniform', from: -1, to: 3 });
    expect(Math.min(...some.slice(0, 50_000))).toBeCloseTo(-1, 3);
    expect(Math.max(...some.slice(0, 50_000))).toBeCloseTo(3, 3);
    expect(moments(some).mean).toBeCloseTo(1, 1);
    const scaled = valuesOf({ values: 'uniformByFanIn', scale: 0.5 }, { fanIn: 16 });
    expect(moments(scaled).std).toBeCloseTo(0.125 / Math.sqrt(3), 3);
    expect(Math.max(...scaled.slice(0, 50_000))).toBeLessThanOrEqual(0.125);
  });

  it('are constants, or logarithms of places', () => {
    expect([...valuesOf({ values: 'constant', value: 1 }, { shape: [3] })]).toEqual([1, 1, 1]);
    const logs = valuesOf({ values: 'logOfPlace' }, { shape: [2, 16] });
    expect([...logs.slice(0, 16)]).toEqual([...logs.slice(16)]);
    expect(logs[0]).toBe(0);
    expect(logs[15]).toBe(Math.fround(Math.log(16)));
  });

  it('are step sizes before softplus, log-uniform', () => {
    expect(inverseSoftplus(1e-3)).toBeCloseTo(-6.9072552373, 9);
    expect(inverseSoftplus(0.1)).toBeCloseTo(-2.252168461, 9);
    const biases = valuesOf({ values: 'inverseSoftplus', from: 1e-5 });
    const sizes = biases.map((x) => Math.log1p(Math.exp(x)));
    expect(Math.min(...sizes.slice(0, 9000))).toBeCloseTo(1e-4, 8); // the floor
    expect(sizes.filter((dt) => dt < 1.0001e-4).length / sizes.length).toBeCloseTo(0.25, 1);
    expect(Math.max(...sizes.slice(0, 9000))).toBeLessThan(0.1001);
  });

  it('depend on the seed and the name, and on nothing else', () => {
    const normal = { values: 'normal', std: 1 };
    const some = valuesOf(normal, { shape: [600_000] });
    expect(valuesOf(normal, { shape: [1000, 600] })).toEqual(some); // more than one block
    expect(valuesOf(normal, { shape: [5] })).toEqual(some.slice(0, 5));
    expect(valuesOf(normal, { seed: 2, shape: [5] })).not.toEqual(some.slice(0, 5));
    expect(valuesOf(normal, { name: 'y', shape: [5] })).not.toEqual(some.slice(0, 5));
    // The bits of today: a change would make other models of the same configurations.
    expect([...valuesOf(normal, { shape: [3] })]).toMatchInlineSnapshot(`
      [
        -1.3018025159835815,
        -0.09724494814872742,
        0.8454694747924805,
      ]
    `);
    expect(valuesOf(normal, { seed: 2 ** 53 - 1, shape: [2] })).not.toEqual(
      valuesOf(normal, { seed: 2 ** 32 - 1, shape: [2] }),
    );
  });

  it('go by the first rule that names a tensor; one that names none is refused', () => {
    const rules = rulesOf(
      { tensors: ['*.bias', '*norm*'], values: 'constant', value: 0 },
      { tensors: ['*'], values: 'constant', value: 2 },
    );
    const tensors = ['a.bias', 'norm.weight', 'a.weight'].map((name) => ({ name, shape: [1], fanIn: 1 }));
    const values = initialValues(rules, 0, tensors);
    expect(tensors.map((tensor) => [...values(tensor)][0]?.[0])).toEqual([0, 0, 2]);
    expect(() => initialValues(rules.slice(0, 1), 0, tensors)).toThrow("initialize.rules say nothing about 'a.weight'");
    expect(() => initialValues(rules, 0, tensors.slice(2))).toThrow(
      "initialize.rules names '*.bias', which no tensor of this model has",
    );
  });
});

async function contentOf({ bytes }: SavedFile): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes()) pieces.push(piece.slice());
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

describe('a new model', () => {
  const config = {
    ...{ model_type: 'llama', hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 24 },
    ...{ vocab_size: 64, max_position_embeddings: 32, tie_word_embeddings: false },
  };
  const rules = rulesOf(
    { tensors: ['*norm.weight'], values: 'constant', value: 1 },
    { tensors: ['*'], values: 'normal', std: 0.02 },
  );

  it('is a checkpoint that opens', async () => {
    const { files } = newModel({ config, rules, seed: 3 });
    const contents = new Map(await Promise.all(files.map(async (file) => [file.name, await contentOf(file)] as const)));
    const opened = await openModel(memoryFolder(contents));
    expect(opened.model.facts.nLayers).toBe(2);
    expect([...opened.checkpoint.tensors.values()].every(({ dtype }) => dtype === 'F32')).toBe(true);
    expect(opened.config.torch_dtype).toBe('float32');
    const [again] = newModel({ config, rules, seed: 3 }).files.slice(1);
    expect(await contentOf(again as SavedFile)).toEqual(contents.get('model.safetensors'));
  });

  it('is refused before anything is written', () => {
    expect(() => newModel({ config: { model_type: 'llama', hiden_size: 3 }, rules, seed: 0 })).toThrow('hiden_size');
    expect(() => newModel({ config, rules: rules.slice(0, 1), seed: 0 })).toThrow('initialize.rules say nothing about');
    const wrong = [{ tensors: ['*'], values: 'normal', sdt: 0.02 }] as never;
    expect(() => newModel({ config, rules: wrong, seed: 0 })).toThrow("newModel has an unknown key 'rules[0].sdt'");
    expect(() => newModel({ config, rules: undefined as never, seed: 0 })).toThrow("newModel has no 'rules'");
  });

  it('has values by rules that leave out what has a default', async () => {
    const short = [{ tensors: ['*'], values: 'normal', std: 0.02 }] as const;
    const bytes = async (one: Parameters<typeof newModel>[0]['rules']) =>
      contentOf(newModel({ config, rules: one, seed: 3 }).files[1] as SavedFile);
    expect(await bytes(short)).toEqual(await bytes([{ ...short[0], scale: 1 }]));
  });
});
