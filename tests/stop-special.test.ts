/** Stop texts that are special tokens, or have some in them, end a generation as transformers' stop_strings do. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StopText } from '../src/api/stop-text.ts';
import { UsageError } from '../src/base/errors.ts';
import { fromPretrained, type GenerationStep, type Model } from '../src/node.ts';

const CASE = fileURLToPath(new URL('fixtures/tokenizer-cases/stop-special-token', import.meta.url));
const HEADER = '<|start_header_id|>'; // id 519, which this model gives again and again

describe('a model whose next token is a special one', () => {
  let model: Model;
  beforeAll(async () => {
    model = await fromPretrained(CASE, { threads: 1 });
  });
  afterAll(() => model.dispose());

  test('ends after it when its name is a stop text', async () => {
    const { ids, text, finishReason } = await model.complete('Hello', { maxNewTokens: 8, stop: HEADER });
    expect({ ids, text, finishReason }).toEqual({ ids: [519], text: '', finishReason: 'stop' });
  });

  test('goes on without, and gives no name of it out', async () => {
    const { ids, text, finishReason } = await model.complete('Hello', {
      maxNewTokens: 3,
      stop: '<|start_header_id|>x',
    });
    expect({ ids, text, finishReason }).toEqual({ ids: [519, 519, 519], text: '', finishReason: 'length' });
  });

  test('ends at two of it in a row, at a part of its name, and at the first of several', async () => {
    for (const [stop, count] of [
      [[HEADER + HEADER], 2],
      [['header'], 1],
      [['never', HEADER + HEADER, HEADER + HEADER + HEADER], 2],
    ] as const)
      expect((await model.complete('Hello', { maxNewTokens: 8, stop })).ids).toHaveLength(count);
  });

  test('ends each sequence of a batch for itself', async () => {
    const steps: GenerationStep[] = [];
    for await (const step of model.generate(['Hello', 'hi'], { maxNewTokens: 4, stop: HEADER })) steps.push(step);
    for (const index of [0, 1]) {
      const own = steps.filter((step) => step.index === index);
      const wanted = own.some(({ id }) => id === 519) ? 'stop' : 'length';
      expect(own.at(-1)?.finishReason).toBe(wanted);
    }
    expect(steps.filter((step) => step.index === 0).map(({ id }) => id)).toEqual([519, undefined]);
  });

  test('reads special tokens of a prompt as text when told so', async () => {
    const literal = await model.complete('<|eot_id|>', { maxNewTokens: 1, splitSpecialTokens: true });
    expect(literal.promptIds).not.toContain(521);
    expect(model.encode('<|eot_id|>')).toContain(521);
    expect(model.encode('<|eot_id|>', { splitSpecialTokens: true })).toEqual(literal.promptIds);
    const { tokens } = await model.score('<|eot_id|>', { splitSpecialTokens: true });
    expect(tokens.map(({ id }) => id)).toEqual(literal.promptIds);
  });

  test('reads one begin-of-text, whether the prompt has it or not', () => {
    expect(model.encode('<|bos|>Hello')).toEqual(model.encode('Hello'));
  });
});

describe('names of special tokens', () => {
  const given = (stops: string[], parts: (string | { name: string })[]) => {
    const stop = new StopText(stops);
    const texts = parts.map((part) =>
      typeof part === 'string' ? stop.push(part) : stop.push(part.name, { hidden: true }),
    );
    return { text: texts.join('') + stop.end(), found: stop.found };
  };

  test('are matched together with the text around them, and never given out', () => {
    const parts = ['a foo', { name: '<e>' }, 'bar'];
    expect(given(['foo<e>'], parts)).toEqual({ text: 'a ', found: true });
    expect(given(['<e>bar'], parts)).toEqual({ text: 'a foo', found: true });
    expect(given(['e>b'], parts)).toEqual({ text: 'a foo', found: true });
    expect(given(['<e>baz', 'foo<e>baz'], parts)).toEqual({ text: 'a foobar', found: false });
    expect(given(['foobar'], parts)).toEqual({ text: 'a foobar', found: false });
  });

  test('an empty stop text is still refused', () => {
    expect(() => new StopText([''])).toThrow(UsageError);
  });
});
