/** Laws that hold for any text and any ids, whatever the vocabulary. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { createTokenizer } from '../../src/tokenizer/tokenizer.ts';
import { fixture, fixtureJson, fixtureNames } from './vectors.ts';

const hard = fc.constantFrom(
  ...[
    ' ',
    '  ',
    '\n',
    '\t',
    '\r\n',
    '\u0085',
    '\ufeff',
    '\u00a0',
    '\u200b',
    'e\u0301',
    '\u0301',
    '½',
    '٣',
    "'s",
    "'LL",
    '🙂',
    '👩\u200d👧',
  ],
  ...[
    '<|endoftext|>',
    '<|',
    '<|end_of_text|>',
    'the',
    'sea',
    '日本',
    '\x00',
    '\u2028',
    '12345',
    '__proto__',
    'constructor',
  ],
);
const anyText = fc
  .array(fc.oneof(hard, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), { maxLength: 12 })
  .map((parts) => parts.join(''));

const LONE_HALF = /\p{Surrogate}/u;
const LONE_HALVES = /\p{Surrogate}/gu;

// The others change the text: by normalisation, a space in front, or what they leave out.
const lossless = ['gpt2', 'llama3', 'granite'];

describe.each(fixtureNames())('%s', (name) => {
  const tokenizer = fixture(name);
  const id = fc.oneof(fc.nat(tokenizer.vocabSize + 3), fc.constantFrom(...tokenizer.specialIds, 0));
  const anyIds = fc.array(id, { maxLength: 60 });

  test.skipIf(!lossless.includes(name))('decoding what was encoded gives the text back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
      }),
    );
  });

  test('token by token and all at once give the same text', () => {
    fc.assert(
      fc.property(anyIds, (ids) => {
        const stream = tokenizer.stream();
        expect(ids.map((next) => stream.push(next)).join('') + stream.end()).toBe(tokenizer.decode(ids));
        // And the stream may be used anew.
        expect(ids.map((next) => stream.push(next)).join('') + stream.end()).toBe(tokenizer.decode(ids));
      }),
    );
  });

  test('a stream of a text never shows half a character', () => {
    fc.assert(
      fc.property(
        // An added token that is itself a letter of the byte alphabet is decoded as that byte, by the reference too: `flags` has one.
        anyText.filter((text) => !/[\ufffd\u00c5]/u.test(text.normalize('NFC'))),
        (text) => {
          const stream = tokenizer.stream();
          const parts = tokenizer.encode(text).map((next) => stream.push(next));
          expect(parts.filter((part) => part.includes('\ufffd') || LONE_HALF.test(part))).toEqual([]);
          expect(stream.end()).toBe('');
        },
      ),
    );
  });

  test('all ids of a text exist and lie below vocabSize', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const next of tokenizer.encode(text)) expect(next < tokenizer.vocabSize && next >= 0).toBe(true);
      }),
    );
  });

  test('halves of surrogate pairs are read as U+FFFD', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\ud83d', '\ude42', '\ud83d\ude42', ' ', '\udfff')), (parts) => {
        const text = parts.join('');
        expect(tokenizer.encode(text)).toEqual(tokenizer.encode(text.replaceAll(LONE_HALVES, '\ufffd')));
      }),
    );
  });

  test('a special token in a text becomes its id', () => {
    for (const special of tokenizer.specialIds)
      expect(tokenizer.encode(`a${tokenizer.piece(special)}b`)).toContain(special);
  });
});

test('a piece is the text of one token, special tokens by their content', () => {
  const tokenizer = fixture('llama3');
  const [begin] = tokenizer.encode('');
  expect(tokenizer.piece(begin as number)).toBe('<|begin_of_text|>');
  expect(
    tokenizer
      .encode(' the')
      .slice(1)
      .map((id) => tokenizer.piece(id))
      .join(''),
  ).toBe(' the');
  const [, first] = tokenizer.encode('\u{10FFFF}');
  expect(tokenizer.piece(first as number)).toBe('\ufffd');
  expect(tokenizer.piece(tokenizer.vocabSize)).toBe('');
});

test('decoding keeps special tokens when asked, and clean_up_tokenization_spaces changes nothing', () => {
  const tokenizer = fixture('gpt2', { clean_up_tokenization_spaces: true });
  const text = "<|endoftext|>a , b . c ' d n't";
  const ids = tokenizer.encode(text);
  expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
  expect(tokenizer.decode(ids)).toBe(text.replace('<|endoftext|>', ''));
});

test('ids that cannot be are the mistake of the caller', () => {
  const tokenizer = fixture('gpt2');
  for (const id of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => tokenizer.decode([id])).toThrow(UsageError);
    expect(() => tokenizer.piece(id)).toThrow(UsageError);
    expect(() => tokenizer.stream().push(id)).toThrow(UsageError);
  }
});

describe('tokenizer_config.json', () => {
  test('names the begin and the end of a text, as text or as object', () => {
    const config = { bos_token: '<|begin_of_text|>', eos_token: { content: '<|end_of_text|>', lstrip: false } };
    const tokenizer = fixture('llama3', config);
    expect(tokenizer.piece(tokenizer.bosId as number)).toBe('<|begin_of_text|>');
    expect(tokenizer.piece(tokenizer.eosId as number)).toBe('<|end_of_text|>');
  });

  test('missing, the begin is what the post-processor puts there and the end is known by name', () => {
    const tokenizer = fixture('llama3');
    expect(tokenizer.bosId).toBe(tokenizer.encode('')[0]);
    expect(tokenizer.piece(tokenizer.eosId as number)).toBe('<|end_of_text|>');
    expect(fixture('gpt2').bosId).toBeUndefined();
  });

  test('null gives no id, and a name that no token has the next id that is free, as in transformers', () => {
    const { vocabSize } = fixture('gpt2');
    const tokenizer = fixture('gpt2', { bos_token: null, eos_token: '<eos>' });
    expect([tokenizer.bosId, tokenizer.eosId]).toEqual([undefined, vocabSize]);
    expect(tokenizer.encode('<eos>')).toEqual([vocabSize]);
  });

  test('a token of the vocabulary that it names is special', () => {
    const tokenizer = fixture('gpt2', { additional_special_tokens: ['s'] });
    const [id] = tokenizer.encode('s');
    expect(tokenizer.encode('house')).toContain(id);
    expect(tokenizer.specialIds.has(id as number)).toBe(true);
    expect(tokenizer.decode([id as number])).toBe('');
  });

  test('a further token that is listed as not special, or that does not say so in a list of its own, is not', () => {
    const decoded = (change: object, config: object) => {
      const json = fixtureJson('gpt2');
      const tokenizer = createTokenizer({ ...json, ...change }, config);
      return tokenizer.decode(tokenizer.encode('<x>'));
    };
    const listed = {
      added_tokens: [{ id: fixture('gpt2').vocabSize, content: '<x>', special: false, normalized: false }],
    };
    expect(decoded(listed, { additional_special_tokens: ['<x>'] })).toBe('<x>');
    expect(decoded(listed, { eos_token: '<x>' })).toBe('');
    expect(decoded({}, { additional_special_tokens: ['<x>'] })).toBe('');
    expect(decoded({}, { additional_special_tokens: [{ content: '<x>' }] })).toBe('<x>');
    expect(decoded({}, { additional_special_tokens: [{ content: '<x>', special: true }] })).toBe('');
    expect(decoded({}, { eos_token: { content: '<x>' } })).toBe('');
  });

  test('add_prefix_space is passed over by the classes that do as tokenizer.json says', () => {
    for (const tokenizer_class of ['PreTrainedTokenizerFast', 'TokenizersBackend']) {
      const config = { add_prefix_space: true, tokenizer_class };
      expect(fixture('gpt2', config).encode('x')).toEqual(fixture('gpt2').encode('x'));
    }
    const config = { add_prefix_space: true, tokenizer_class: 'GPT2Tokenizer' };
    expect(fixture('gpt2', config).encode('x')).toEqual(fixture('gpt2').encode(' x'));
  });

  test('add_prefix_space goes before that of a lone ByteLevel', () => {
    expect(fixture('gpt2', { add_prefix_space: true }).encode('x')).toEqual(fixture('gpt2').encode(' x'));
    expect(fixture('prefix-space', { add_prefix_space: false }).encode('x')).toEqual(fixture('gpt2').encode('x'));
  });
});

test('an empty text has no tokens, whatever is put in front of texts', () => {
  const json = { ...fixtureJson('gpt2'), added_tokens: [], post_processor: null };
  for (const pre_tokenizer of [
    { type: 'ByteLevel', add_prefix_space: true },
    { type: 'Metaspace', replacement: 'x', prepend_scheme: 'always' },
  ])
    expect(createTokenizer({ ...json, pre_tokenizer }, undefined).encode('')).toEqual([]);
});

test('white space that a token took in is not another token', () => {
  const json = fixtureJson('gpt2');
  const blank = { content: '  ', special: false, normalized: false, lstrip: true, rstrip: true };
  const tokenizer = createTokenizer({ ...json, added_tokens: [{ id: 999, ...blank }] }, undefined);
  const id = tokenizer.encode('  ')[0] as number;
  const [x, y] = [...fixture('gpt2').encode('x'), ...fixture('gpt2').encode('y')];
  expect(tokenizer.encode('       x        y         ')).toEqual([id, x, id, y, id]);
});

test('merges may be stored as texts or as pairs', () => {
  const json = fixtureJson('llama3');
  const texts = {
    ...json,
    model: { ...json.model, merges: json.model.merges.map((pair: string[]) => pair.join(' ')) },
  };
  const text = 'Once there was a small house by the sea';
  expect(createTokenizer(texts, undefined).encode(text)).toEqual(fixture('llama3').encode(text));
});
