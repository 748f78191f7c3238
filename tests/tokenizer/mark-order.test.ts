/** Ordering marks beforehand changes nothing but the time that normalising takes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { orderMarks } from '../../src/tokenizer/mark-order.ts';
import { costOf } from '../cost.ts';

const MARKS = Array.from({ length: 0x1f000 }, (_, code) =>
  code >> 11 === 27 ? '' : String.fromCodePoint(code),
).filter((char) => /^\p{M}$/u.test(char));
const run = fc.array(fc.constantFrom(...MARKS, '\u0301', '\u0323', '\u0344', '\u034f'), {
  minLength: 60,
  maxLength: 200,
});
const base = fc.constantFrom('', 'e', 'é', 'ệ', ' ', '\u1100', '\u0915', 'x');

test('all forms of a text stay the same', () => {
  fc.assert(
    fc.property(base, run, base, run, (a, marks, b, more) => {
      const text = a + marks.join('') + b + more.join('');
      for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
        expect(orderMarks(text).normalize(form)).toBe(text.normalize(form));
    }),
  );
});

test('every mark is ordered as the engine orders it', () => {
  const text = `${MARKS.join('')}e${MARKS.toReversed().join('')}`;
  expect(orderMarks(text).normalize('NFC')).toBe(text.normalize('NFC'));
});

test('short runs are left alone', () => {
  expect(orderMarks('e\u0301\u0323')).toBe('e\u0301\u0323');
});

test('a hundred thousand marks out of order take no time', async () => {
  const cost = await costOf(() =>
    expect(orderMarks(`e${'\u0301\u0323'.repeat(50_000)}`).normalize('NFC').length).toBe(100_000),
  );
  expect(cost).toBeLessThan(2_000);
});
