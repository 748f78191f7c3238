/** The option `mask` in generation: greedy and sampled, several sequences, end of text and limits. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromPretrained, jsonSchemaMask, type Model, regexMask } from '../../src/node.ts';

let model: Model;
beforeAll(async () => {
  model = await fromPretrained('granite-tiny', { threads: 1 });
});
afterAll(() => model.dispose());

describe('generation with a mask', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 8 }, age: { type: 'integer', minimum: 0, maximum: 99 } },
    required: ['name', 'age'],
    additionalProperties: false,
  };

  test('writes what the schema accepts, and ends there', async () => {
    const mask = jsonSchemaMask(model.tokenizer, schema);
    for (const sampling of [{}, { temperature: 1.5, seed: 3 }]) {
      const { text, finishReason } = await model.complete('The king was called', {
        mask,
        ...sampling,
        maxNewTokens: 200,
      });
      const { name, age } = JSON.parse(text) as { name: string; age: number };
      expect([typeof name, Number.isInteger(age), finishReason]).toEqual(['string', true, 'stop']);
    }
  });

  test('holds for each of several sequences', async () => {
    const mask = regexMask(model.tokenizer, '(?:yes|no)!');
    const texts = ['', '', ''];
    for await (const { index, text } of model.generate(['A', 'Once there', 'The'], { mask, temperature: 2, seed: 1 }))
      texts[index] += text;
    for (const text of texts) expect(text).toMatch(/^(?:yes|no)!$/);
  });

  test('cut off by maxNewTokens is told as length', async () => {
    const mask = jsonSchemaMask(model.tokenizer, schema);
    expect((await model.complete('A', { mask, maxNewTokens: 2 })).finishReason).toBe('length');
  });

  test('is checked', async () => {
    await expect(model.complete('A', { mask: {} as never })).rejects.toThrow(/mask came as .*wanted a TokenMask/);
    const mask = regexMask(model.tokenizer, 'a');
    await expect(model.complete('A', { mask, suppressTokens: [...Array(5000).keys()] })).rejects.toThrow(/wanted form/);
  });
});
