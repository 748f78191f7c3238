/** JSON as Python writes and reads it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePythonJson, pythonJson } from '../../src/checkpoint/python-json.ts';

describe('words for numbers', () => {
  test.each<[string, unknown]>([
    ['NaN', Number.NaN],
    ['[Infinity, -Infinity,NaN ]', [Infinity, -Infinity, Number.NaN]],
    ['{"a":Infinity,"b":"NaN","NaN":1}', { a: Infinity, b: 'NaN', NaN: 1 }],
    [
      String.raw`{"say \"NaN, Infinity\"": NaN, "\\": "-Infinity\\\\"}`,
      { 'say "NaN, Infinity"': Number.NaN, '\\': String.raw`-Infinity\\` },
    ],
    ['{"a":{"b":[1e400, NaN]},"a":-Infinity}', { a: -Infinity }],
    ['["NaN!", NaN, "NaN"]', ['NaN!', Number.NaN, 'NaN']],
  ])('%s', (text, value) => {
    expect(parsePythonJson(text)).toEqual(value);
  });

  test.each([
    '-NaN',
    'NaN1',
    '1Infinity',
    'Infinityx',
    '--Infinity',
    '+Infinity',
    '5-Infinity',
    'nan',
    'inf',
    '{NaN:1}',
    '{Infinity : 1}',
    '[NaN',
    'Infinity.5',
    '"NaN',
    'NaN NaN',
  ])('%s is none, as in Python', (text) => {
    expect(() => parsePythonJson(text)).toThrow(SyntaxError);
  });

  test('a text of megabytes beside one is no trouble', () => {
    const long = 'x\\n'.repeat(3e6);
    expect(parsePythonJson(`["${long}", NaN]`)).toEqual([long.replaceAll('\\n', '\n'), Number.NaN]);
  });
});

test('what is written is read again, whatever it is', () => {
  const numbers = fc.oneof(
    fc.constantFrom(Number.NaN, Infinity, -Infinity),
    fc.double({ noDefaultInfinity: true, noNaN: true }).filter((x) => !Object.is(x, -0)),
  );
  const texts = fc.oneof(fc.string(), fc.constantFrom('NaN', '#NaN', '##Infinity', '"Infinity"', '\\'));
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      numbers,
      texts,
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(texts, tie('any'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (x) => {
      expect(parsePythonJson(pythonJson(x))).toEqual(x);
    }),
    { numRuns: 500 },
  );
});
