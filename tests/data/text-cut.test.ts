/** Long texts are encoded in pieces: with byte-level tokenizers the ids are those of the whole. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutOf } from '../../src/data/text-cut.ts';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';

const fixture = (name: string): Tokenizer =>
  createTokenizer(
    JSON.parse(readFileSync(new URL(`../fixtures/tokenizer/${name}.json`, import.meta.url), 'utf8')).tokenizer,
    {},
  );

const plain = (tokenizer: Tokenizer, text: string) => tokenizer.encode(text, { addSpecialTokens: false });

describe.each(['gpt2', 'llama3', 'neox', 'granite'])('%s', (name) => {
  const tokenizer = fixture(name);
  const line = fc.oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z0-9 .,!?'-]{0,60}$/) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  );

  test('a text is cut where both sides have the ids of the whole', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 40, maxLength: 80 }), (lines) => {
        const text = lines.join('\n');
        const at = cutOf(text, tokenizer);
        expect(at).toBeGreaterThan(0);
        fc.pre(/[^\s]\n$/.test(text.slice(0, at)) && /^\S/.test(text.slice(at)));
        expect([...plain(tokenizer, text.slice(0, at)), ...plain(tokenizer, text.slice(at))]).toEqual(
          plain(tokenizer, text),
        );
      }),
      { numRuns: 25 },
    );
  });
});

test('a text without line ends is cut all the same, but not within a character', () => {
  const tokenizer = fixture('gpt2');
  expect(cutOf('x'.repeat(2000), tokenizer)).toBe(2000);
  expect(cutOf(`${'x'.repeat(1999)}\uD83D`, tokenizer)).toBe(1999);
});
