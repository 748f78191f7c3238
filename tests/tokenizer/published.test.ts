/** Published vocabularies and vectors, where they lie beside the repository. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { costOf } from '../cost.ts';
import { hasShared, readJson, SHARED, shared } from './vectors.ts';

interface Vector {
  readonly text: string;
  readonly ids: number[];
  readonly decoded?: string;
}

/** Files of llama.cpp: texts between marks, and one line of ids for each. */
function llamaCppVectors(name: string): Vector[] {
  const read = (ending: string) => readFileSync(new URL(`vectors/ggml-vocab-${name}.gguf.${ending}`, SHARED), 'utf8');
  const texts = read('inp').split('\n__ggml_vocab_test__\n').slice(0, -1);
  const lines = read('out').split('\n').slice(0, -1);
  expect(lines.length).toBe(texts.length);
  return texts.map((text, i) => ({ text, ids: (lines[i] as string).trim().split(/ +/).filter(Boolean).map(Number) }));
}

/** What version 4 of transformers did to decoded text when a config asked for it; version 5 leaves BPE alone, and so do we. */
function cleanUp(text: string): string {
  const pairs: [string, string][] = [[" ' ", "'"]];
  for (const mark of ['.', '?', '!', ',', "n't", "'m", "'s", "'ve", "'re"]) pairs.push([` ${mark}`, mark]);
  return pairs.reduce((clean, [from, to]) => clean.replaceAll(from, to), text);
}

function ids(text: string): number[] {
  return text.split(' ').map(Number);
}

describe.skipIf(!hasShared)('published vocabularies', () => {
  const gpt2 = hasShared ? shared('gpt2/tokenizer.json') : undefined!;
  const neox = hasShared ? shared('gpt-neox-20b/tokenizer.json') : undefined!;
  const granite = hasShared ? shared('granite3/tokenizer.reconstructed.json') : undefined!;

  test('GPT-2 gives the ids and texts of the vectors of tokenizers.js', () => {
    const vectors: Vector[] = readJson(new URL('vectors/tokenizers-js.json', SHARED)).gpt2;
    expect(vectors.map(({ text }) => gpt2.encode(text))).toEqual(vectors.map((vector) => vector.ids));
    const decoded = vectors.map((vector) => cleanUp(gpt2.decode(vector.ids, { skipSpecialTokens: false })));
    expect(decoded).toEqual(vectors.map((vector) => vector.decoded));
  });

  test.each([
    ['gpt-2', () => gpt2],
    ['refact', () => granite],
  ] as const)('%s gives the ids of the vectors of llama.cpp', (name, tokenizer) => {
    const vectors = llamaCppVectors(name);
    expect(vectors.map(({ text }) => tokenizer().encode(text))).toEqual(vectors.map((vector) => vector.ids));
  });

  test('GPT-NeoX gives the ids computed before', () => {
    const { vectors }: { vectors: Vector[] } = readJson(new URL('vectors/computed-neox.json', SHARED));
    expect(vectors.map(({ text }) => neox.encode(text))).toEqual(vectors.map((vector) => vector.ids));
  });

  test('words that experiments with Backpacks look up are one token', () => {
    const words = ' he she they his her nurse CEO developer MacBook Apple HP Brady Patriots Colts quickly science';
    const wanted = '339 673 484 465 607 15849 6123 8517 28084 4196 6574 15260 13104 20464 2952 3783';
    expect(words.split(/(?= )/).map((word) => gpt2.encode(word))).toEqual(ids(wanted).map((id) => [id]));
  });

  // [text, GPT-NeoX, Granite]
  const known: [string, string, string | undefined][] = [
    ['The Toyota Supra', '510 32714 5887 376', '1318 2614 107 5724 14644 1691'],
    ['hello  world', '25521 50276 10186', '7656 225 5788'],
    [
      'def f(x):\n    return x\n\n\n',
      '1545 269 9 89 2262 187 50274 2309 1269 2756',
      '589 296 26 106 711 284 442 816 2831',
    ],
    ['1234567 and 3.14', '42594 2251 285 495 15 1047', '35 36 37 38 39 40 41 461 225 37 32 35 38'],
    ["I'm can't WE'LL", '42 1353 476 626 13573 8 2293', '59 3464 883 1330 31180 25 3199'],
    ['naïve café é e\u0301', '2072 30180 36241 3974 3974', '3258 43738 587 281 1549 1309 5661 484 10044'],
    ['日本語 テスト', '49868 19119 241 209 28656 38206', '37404 32236 8323 233 12875'],
    ['a\t\tb\r\n', '66 186 186 67 2379', '83 202 202 84 437'],
    ['   leading', '50275 16378', '261 15996'],
    ['trailing   ', '7604 4837 50275', '33542 264'],
    [`${' '.repeat(30)}x`, '50254 50272 89', '12992 816'],
    ['\ufeffhi', '41497 5801', '4380 4980'],
    ['a\u0085b', '66 16643 67', '83 143 232 84'],
    ['x\u00a0\u00a0y', '89 575 575 90', '106 2589 2589 107'],
    ['<|endoftext|>hi <|padding|>', '0 5801 209 1', undefined],
    ['fi \ufb01 \u00c5 \u00c5', '11125 16141 107 212 17732 17732', '5501 225 188 124 228 3441 232 3441 232'],
    ['🙂🙂', '14931 18713 14931 18713', '3807 252 229 3807 252 229'],
    ['don’t', '9903 457 85', '11676 2735 102'],
  ];

  test.each(known)('%j', (text, ofNeox, ofGranite) => {
    expect(neox.encode(text)).toEqual(ids(ofNeox));
    if (ofGranite) expect(granite.encode(text)).toEqual(ids(ofGranite));
  });

  test('special tokens in a text are recognised', () => {
    expect(granite.encode('<|end_of_text|>hi<fim_prefix>')).toEqual([0, 4980, 1]);
    expect(granite.encode('x = 10  20')).toEqual(ids('106 280 225 35 34 261 36 34'));
    expect(granite.eosId).toBe(0);
    expect(gpt2.eosId).toBe(50256);
    expect(neox.specialIds).toEqual(new Set([0, 1]));
    expect(gpt2.vocabSize).toBe(50257);
    expect(neox.vocabSize).toBe(50277);
  });

  test('a megabyte of text and long words take seconds', { timeout: 60_000 }, async () => {
    const long = {
      text: 'It was the best of times, it was the worst of times: 1859. '.repeat(17_000),
      letters: 'a'.repeat(100_000),
      spaces: ' '.repeat(100_000),
      mixed: `${' \t\n'.repeat(30_000)}x`,
      digits: '1234567890'.repeat(10_000),
      emoji: '😀🙂'.repeat(25_000),
      marks: 'e\u0301\u0323'.repeat(30_000),
      special: '<|endoftext|>'.repeat(50_000),
      nearlySpecial: '<|endoftex'.repeat(50_000),
    };
    for (const [name, text] of Object.entries(long)) {
      const cost = await costOf(() =>
        expect(gpt2.decode(gpt2.encode(text), { skipSpecialTokens: false }) === text, name).toBe(true),
      );
      expect(cost, name).toBeLessThan(20_000);
    }
  });
});
