/** Tokenizer files come from anywhere: damaged ones are a CheckpointError that names the place, and never a hang or another error. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { fixtureJson, fixtureNames } from './vectors.ts';

type Path = (string | number)[];

const strange = fc.constantFrom<unknown>(
  ...[
    undefined,
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e300,
    Number.NaN,
    2 ** 53,
    '',
    'x',
    '__proto__',
    'Sequence',
    'ByteLevel',
    '\ud800',
  ],
  ...[
    [],
    {},
    [[]],
    [null],
    ['a', 'b'],
    { type: 'Sequence' },
    { type: 'NFC' },
    { type: '__proto__' },
    { Regex: '(' },
    { Regex: '(?<a>' },
  ],
  ...[
    { id: 'A' },
    { Sequence: { id: 'B' } },
    JSON.parse('{"__proto__": 1}'),
    { type: 'Split', pattern: { Regex: '[' }, behavior: 'Isolated' },
  ],
  ...[{ length: 1e9 }, { toString: 1, valueOf: 1 }, 'a b c', ' ', 'constructor'],
);

/** Ways to values; of long lists and vocabularies, only a few. */
function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Object.keys(value).filter((_, i, all) => i < 12 || i > all.length - 3);
  const steps = keys.map((key) => (Array.isArray(value) ? Number(key) : key));
  return [path, ...steps.flatMap((key) => paths((value as Record<string, unknown>)[key], [...path, key]))];
}

function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function check(json: unknown, config?: unknown): void {
  let tokenizer: ReturnType<typeof createTokenizer>;
  try {
    tokenizer = createTokenizer(json, config);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toMatch(/^tokenizer(_config)?\.json/);
    expect((error as Error).message.length).toBeLessThan(600);
    return;
  }
  // What is accepted works.
  const ids = tokenizer.encode('Once, in 1984 <|endoftext|>\n\n  \u0085é🙂');
  for (const id of ids) expect(Number.isInteger(id)).toBe(true);
  tokenizer.decode(ids);
}

describe.each(fixtureNames())('%s', (name) => {
  const json = fixtureJson(name);
  const places = paths(json);

  test('one or two values of another kind', () => {
    const change = fc.tuple(fc.constantFrom(...places), strange);
    fc.assert(
      fc.property(change, fc.option(change), ([path, by], more) => {
        const once = replaced(json, path, by);
        if (!more) return check(once);
        let twice: unknown;
        try {
          twice = replaced(once, ...more);
        } catch {
          return; // the second way is gone
        }
        check(twice);
      }),
      { numRuns: 200 },
    );
  });
});

const gpt2 = fixtureJson('gpt2');
const llama3 = fixtureJson('llama3');
const [split, bytes] = llama3.pre_tokenizer.pretokenizers;
const withModel = (model: object) => ({ ...gpt2, model: { ...gpt2.model, ...model } });

test('anything else than a tokenizer', () => {
  fc.assert(fc.property(fc.anything(), fc.anything(), (json, config) => check(json, config)));
  fc.assert(fc.property(fc.anything(), (config) => check(gpt2, config)));
});

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /tokenizer.json came as nothing/],
  ['no model', { ...gpt2, model: undefined }, /tokenizer.json.model came as nothing/],
  ['another model', withModel({ type: 'WordPiece' }), /model.type came as "WordPiece"/],
  ['no vocabulary', withModel({ vocab: {} }), /model.vocab .* at least one token/],
  ['ids that are no numbers', withModel({ vocab: { a: '1' } }), /vocab\["a"\] came as "1"/],
  ['huge ids', withModel({ vocab: { a: 1e15 } }), /vocab\["a"\]/],
  ['two tokens of one id', withModel({ vocab: { a: 0, b: 0 }, merges: [] }), /vocab\["b"\].*no other token/],
  ['merges of unknown tokens', withModel({ merges: ['a \u2603'] }), /merges\[0\].*lacks "☃"/],
  ['merges that go round', withModel({ vocab: { a: 0, b: 1 }, merges: ['a b', 'b a'] }), /merges\[0\].*lacks "ab"/],
  ['merges with nothing', withModel({ merges: [['', 'a']] }), /merges\[0\].*two tokens/],
  ['merges of three', withModel({ merges: ['a b c'] }), /merges\[0\].*two tokens/],
  ['dropout', withModel({ dropout: 0.1 }), /dropout/],
  ['byte fallback', withModel({ byte_fallback: 'yes' }), /byte_fallback/],
  ['suffixes', withModel({ end_of_word_suffix: '</w>' }), /end_of_word_suffix/],
  [
    'another normaliser',
    { ...gpt2, normalizer: { type: 'BertNormalizer' } },
    /normalizer.type came as "BertNormalizer"/,
  ],
  [
    'another pre-tokenizer',
    { ...gpt2, pre_tokenizer: { type: 'UnicodeScripts' } },
    /pre_tokenizer.type came as "UnicodeScripts"/,
  ],
  [
    'a behaviour of no name',
    { ...gpt2, pre_tokenizer: { type: 'Punctuation', behavior: 'isolated' } },
    /behavior came as "isolated"/,
  ],
  [
    'two ideas of a space in front',
    {
      ...gpt2,
      pre_tokenizer: { type: 'Metaspace', replacement: '_', prepend_scheme: 'first', add_prefix_space: false },
    },
    /add_prefix_space/,
  ],
  ['a Unigram without scores', withModel({ type: 'Unigram', vocab: ['a'] }), /vocab\[0\]/],
  ['a Unigram whose unknown token is none', withModel({ type: 'Unigram', vocab: [['a', -1]], unk_id: 1 }), /unk_id/],
  [
    'a table of sentencepiece that is none',
    { ...gpt2, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } },
    /precompiled_charsmap/,
  ],
  ['another decoder', { ...gpt2, decoder: { type: 'WordPiece' } }, /decoder.type came as "WordPiece"/],
  ['another version', { ...gpt2, version: '2.0' }, /version/],
  ['a template without text', { ...gpt2, post_processor: { type: 'TemplateProcessing', single: [] } }, /single/],
])('%s', (_, json, message) => {
  expect(() => createTokenizer(json, undefined)).toThrow(CheckpointError);
  expect(() => createTokenizer(json, undefined)).toThrow(message);
});

test('sequences in sequences without end', () => {
  let deep: unknown = { type: 'NFC' };
  for (let i = 0; i < 100_000; i++) deep = { type: 'Sequence', normalizers: [deep] };
  check({ ...gpt2, normalizer: deep });
  const round: { type: string; pretokenizers: unknown[] } = { type: 'Sequence', pretokenizers: [] };
  round.pretokenizers.push(round, round);
  check({ ...gpt2, pre_tokenizer: round });
});

test('tokens named like members of every object are tokens like others', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
  const free = Math.max(...Object.values<number>(gpt2.model.vocab)) + 1;
  const added = names.map((content, i) => ({ id: free + 1 + i, content, special: true, normalized: false }));
  const tokenizer = createTokenizer({ ...gpt2, added_tokens: [...gpt2.added_tokens, ...added] }, undefined);
  expect(names.map((name) => tokenizer.encode(name))).toEqual(added.map(({ id }) => [id]));
  const vocab = JSON.parse(`{"__proto__": 256, "constructor": 257}`);
  check(withModel({ vocab, merges: [] }));
  const model = JSON.parse('{"__proto__": {"type": "BPE"}}');
  check({ ...gpt2, model });
});

test('a pattern that is no pattern, or too large', () => {
  for (const Regex of ['(', '[', 'a**', '(?<', '(?:(?:a{1,9999}b){1,9999}c){1,9999}', '\\p{Nonsense}', '\\'])
    check({ ...llama3, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ ...split, pattern: { Regex } }, bytes] } });
});

test('a hundred thousand added tokens', () => {
  const added = Array.from({ length: 100_000 }, (_, i) => ({ id: 1000 + i, content: `<${i}>`, special: true }));
  check({ ...gpt2, added_tokens: added });
});
