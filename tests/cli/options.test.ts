import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aboveZero, aNumber, fromZero, idList, share, textOf, wholeNumber } from '../../cli/options.ts';
import { columns } from '../../cli/output.ts';
import { UsageError } from '../../src/base/errors.ts';
import { nearest } from '../../src/base/nearest.ts';

test('lists of ids are read back as they were written', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (ids) => {
      expect(idList(ids.join(','))).toEqual(ids);
      expect(idList(ids.join(' , '))).toEqual(ids);
    }),
  );
});

test('whatever else is written becomes whole numbers or is refused', () => {
  const anything = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9.,ex \t]*$/));
  fc.assert(
    fc.property(anything, (text) => {
      for (const parse of [idList, (text: string) => [wholeNumber(text)]]) {
        try {
          for (const id of parse(text)) expect(Number.isSafeInteger(id) && id >= 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }
    }),
  );
  expect(wholeNumber('1e3')).toBe(1000);
  for (const text of ['', ' ', '-1', '1.5', 'NaN', 'Infinity', '1e99', '1,2'])
    expect(() => wholeNumber(text)).toThrow();
});

test('numbers are taken as JavaScript writes them, and refused outside their range', () => {
  expect([aNumber('-1'), fromZero('0'), aboveZero('1e-9'), share('.5')]).toEqual([-1, 0, 1e-9, 0.5]);
  const refused: [(text: string) => number, string[]][] = [
    [aNumber, ['', ' ', 'x', 'NaN', 'Infinity', '1,5']],
    [fromZero, ['-1', 'NaN']],
    [aboveZero, ['0', '-1']],
    [share, ['1.01', '-0.1']],
    [wholeNumber, ['1.5', '-1', '9007199254740992']],
  ];
  for (const [parse, texts] of refused)
    for (const text of texts) expect(() => parse(text), text).toThrow(InvalidArgumentError);
});

test('text is taken as it is, and what is no text is refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(textOf(new TextEncoder().encode(text), 'it')).toBe(text);
    }),
  );
  expect(textOf(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 'it')).toBe('\uFEFFa');
  expect(() => textOf(Uint8Array.of(0x61, 0xf0, 0x9f), 'it')).toThrow(UsageError);
});

test('a slip finds the name that was meant, and another word none', () => {
  const names = ['backpack-tiny', 'granite-tiny'];
  for (const slip of ['backpack-tny', 'bakcpack-tiny', 'BACKPACK_TINY', 'backpack'])
    expect(nearest(slip, names)).toBe('backpack-tiny');
  expect(nearest('gpt2', names)).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});

test('columns are as wide as their widest cell', () => {
  expect(columns([['a', 1, 'x'], ['long', 22], ['b']], ' ')).toBe(' a     1  x\n long  22\n b\n');
});
