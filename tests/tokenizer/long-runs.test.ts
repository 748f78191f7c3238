/** Runs of more characters than an engine's regular expressions can go back over. */
import { expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { readPreTokenizer } from '../../src/tokenizer/pre-tokenizers.ts';
import { fixtureJson } from './vectors.ts';

const LONG = 2 ** 22 + 5;

const piecesOf = (component: object, text: string) => readPreTokenizer({ value: component, path: 'x' })(text, true);

test.each([
  [{ type: 'ByteLevel', add_prefix_space: false }],
  [{ type: 'Digits', individual_digits: false }],
  [{ type: 'Punctuation', behavior: 'Contiguous' }],
  [{ type: 'WhitespaceSplit' }],
  [{ type: 'CharDelimiterSplit', delimiter: '-' }],
  [{ type: 'Metaspace', replacement: '▁', prepend_scheme: 'never', split: true }],
])('millions of letters are one piece for %j', { timeout: 60_000 }, (component) => {
  const pieces = piecesOf(component, 'a'.repeat(LONG));
  expect(pieces.map((piece) => piece.length)).toEqual([LONG]);
});

test('and millions of spaces, digits or signs one of byte-level BPE', { timeout: 60_000 }, () => {
  for (const char of [' ', '1', '!']) {
    const pieces = piecesOf({ type: 'ByteLevel', add_prefix_space: false }, char.repeat(LONG));
    expect(pieces.map((piece) => piece.length)).toEqual([LONG]);
  }
});

test('a pattern of the tokenizer that cannot go through a run says so', { timeout: 60_000 }, () => {
  const [split] = fixtureJson('llama3').pre_tokenizer.pretokenizers;
  const text = `Hello ${'a'.repeat(4 * LONG)}`;
  try {
    expect(piecesOf(split, text).join('') === text).toBe(true); // an engine without that limit
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/from its character 5 on, that is too long .* Break it up/);
  }
});
