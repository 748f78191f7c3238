/**
 * Every component of tokenizer.json, in the combinations of published tokenizers and in others: ids and texts equal those of
 * huggingface/tokenizers, from tests/fixtures/tokenizer-kinds.json (tools/reference/make_tokenizer_kinds.py).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { readJson } from './vectors.ts';

type Ids = string;

interface Kind {
  readonly name: string;
  readonly model: string;
  readonly parts: object;
  /** Of each text: ids, ids without what the post-processor adds, and without special tokens of the text; text of the first, text of the second from last to first, without special tokens. */
  readonly vectors: readonly (readonly [Ids, Ids, Ids, string, string])[];
}

// PORTMANTEAU_KINDS: another file of this form, with more texts.
const file = process.env.PORTMANTEAU_KINDS ?? new URL('../fixtures/tokenizer-kinds.json', import.meta.url);
const {
  texts,
  added,
  models,
  kinds,
}: { texts: string[]; added: Record<string, object[]>; models: Record<string, object>; kinds: Kind[] } = readJson(file);

const numbers = (ids: Ids) => (ids === '' ? [] : ids.split(' ').map(Number));

describe.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (name, { model, parts, vectors }) => {
  const json = { version: '1.0', ...parts, added_tokens: added[model], model: models[model] };
  const tokenizer = createTokenizer(json, undefined);

  test('texts have the ids of the reference', () => {
    const found = texts.map((text) => [
      tokenizer.encode(text).join(' '),
      tokenizer.encode(text, { addSpecialTokens: false }).join(' '),
      tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: true }).join(' '),
    ]);
    expect(found).toEqual(vectors.map((vector) => vector.slice(0, 3)));
  });

  test('ids have the texts of the reference', () => {
    const found = vectors.map(([ids, plain]) => [
      tokenizer.decode(numbers(ids), { skipSpecialTokens: false }),
      tokenizer.decode(numbers(plain).reverse()),
    ]);
    expect(found).toEqual(vectors.map((vector) => vector.slice(3)));
  });

  test('token by token comes the text that comes at once, never half a character', () => {
    const ids = fc.array(fc.nat(tokenizer.vocabSize + 2), { maxLength: 40 });
    fc.assert(
      fc.property(ids, (list) => {
        const stream = tokenizer.stream();
        const steps = list.map((id) => stream.push(id));
        expect(steps.join('') + stream.end()).toBe(tokenizer.decode(list));
        expect(steps.filter((step) => /\p{Surrogate}/u.test(step))).toEqual([]);
      }),
    );
  });

  // A pattern over the place where a text is cut does not see both sides.
  test.skipIf(name === 'fused, then replaced')('what continues a text keeps its spaces', () => {
    const ids = tokenizer.encode('the house, the sea', { addSpecialTokens: false });
    for (let cut = 1; cut < ids.length; cut++) {
      const before = tokenizer.decode(ids.slice(0, cut));
      if (before.includes('\ufffd')) continue; // within a character
      const stream = tokenizer.stream({ continues: before !== '' });
      const after = ids.slice(cut).map((id) => stream.push(id));
      expect(before + after.join('') + stream.end()).toBe(tokenizer.decode(ids));
    }
  });
});
