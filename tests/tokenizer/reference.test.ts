/** Ids and texts equal those of huggingface/tokenizers, from tests/fixtures/tokenizer (tools/reference/make_tokenizer_vectors.py). */
import { describe, expect, test } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { FIXTURES, fixtureNames, readJson } from './vectors.ts';

interface Vector {
  readonly text: string;
  readonly ids: string;
  /** Without what the post-processor adds, when that differs. */
  readonly plain?: string;
  readonly decoded: string;
  /** Of the plain ids from last to first, without special tokens. */
  readonly backwards: string;
}

const numbers = (text: string) => (text === '' ? [] : text.split(' ').map(Number));

describe.each(fixtureNames())('%s', (name) => {
  const golden = readJson(new URL(`${name}.json`, FIXTURES));
  const vectors: Vector[] = golden.vectors;
  const tokenizer = createTokenizer(golden.tokenizer, undefined);

  test('a text has the ids of the reference', () => {
    const found = vectors.map(({ text }) => ({ text, ids: tokenizer.encode(text) }));
    expect(found).toEqual(vectors.map(({ text, ids }) => ({ text, ids: numbers(ids) })));
  });

  test('without added special tokens, too', () => {
    const found = vectors.map(({ text }) => ({ text, ids: tokenizer.encode(text, { addSpecialTokens: false }) }));
    expect(found).toEqual(vectors.map(({ text, ids, plain = ids }) => ({ text, ids: numbers(plain) })));
  });

  test('ids have the text of the reference', () => {
    for (const { ids, decoded } of vectors)
      expect(tokenizer.decode(numbers(ids), { skipSpecialTokens: false })).toBe(decoded);
  });

  test('ids in an order that makes no UTF-8 have the text of the reference', () => {
    for (const { ids, plain = ids, backwards } of vectors)
      expect(tokenizer.decode(numbers(plain).reverse())).toBe(backwards);
  });

  test('decoding token by token gives the same text', () => {
    for (const { ids, plain = ids, backwards } of vectors) {
      const stream = tokenizer.stream();
      const parts = numbers(plain)
        .reverse()
        .map((id) => stream.push(id));
      expect(parts.join('') + stream.end()).toBe(backwards);
    }
  });
});
