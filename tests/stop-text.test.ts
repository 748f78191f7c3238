/** Laws of stop texts: it does not matter in which pieces a text comes, and nothing of a stop text is given out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StopText } from '../src/api/stop-text.ts';
import { UsageError } from '../src/base/errors.ts';

function through(pieces: readonly string[], stops: readonly string[]) {
  const stop = new StopText(stops);
  const given = pieces.map((piece) => stop.push(piece));
  return { given, text: given.join('') + stop.end(), found: stop.found };
}

/** Letter by letter over the whole text: it ends where the first stop text ends, and is cut where the longest such begins. */
function searched(text: string, stops: readonly string[]) {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    if (ending.length > 0) return { text: text.slice(0, end - Math.max(...ending.map((s) => s.length))), found: true };
  }
  return { text, found: false };
}

/** Few letters, so that stop texts are met often, in parts, and in each other. */
const word = (min: number, max: number) =>
  fc.array(fc.constantFrom('a', 'b', 'é', '😀'), { minLength: min, maxLength: max }).map((letters) => letters.join(''));

describe('stop texts', () => {
  test('are found as in the whole text, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(word(0, 5), { maxLength: 12 }), fc.array(word(1, 6), { maxLength: 4 }), (pieces, stops) => {
        const { text, found } = through(pieces, stops);
        expect({ text, found }).toEqual(searched(pieces.join(''), stops));
      }),
      { numRuns: 4000 },
    );
  });

  test('are never given out in part, and nothing is held back that cannot be one', () => {
    fc.assert(
      fc.property(fc.array(word(0, 4), { maxLength: 10 }), fc.array(word(1, 5), { maxLength: 3 }), (pieces, stops) => {
        const { given } = through(pieces, stops);
        const whole = pieces.join('');
        const wanted = searched(whole, stops).text;
        let [came, out] = ['', ''];
        given.forEach((some, i) => {
          came += pieces[i];
          out += some;
          expect(wanted.startsWith(out)).toBe(true);
          const held = searched(came, stops).found ? '' : came.slice(out.length);
          expect(held === '' || stops.some((stop) => stop.startsWith(held) && stop !== held)).toBe(true);
        });
      }),
      { numRuns: 2000 },
    );
  });

  test('of which none is asked for hold nothing back', () => {
    expect(through(['one ', 'two'], []).given).toEqual(['one ', 'two']);
  });

  test('end everything: what comes later is not given out', () => {
    const stop = new StopText(['.']);
    expect([stop.push('a.b'), stop.push('c.'), stop.end()]).toEqual(['a', '', '']);
  });

  test('that are empty or no text are refused', () => {
    expect(() => new StopText(['a', ''])).toThrow(UsageError);
    expect(() => new StopText([5 as unknown as string])).toThrow(UsageError);
  });
});
