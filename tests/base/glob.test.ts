import { expect, it } from 'vitest';
import { globPattern } from '../../src/base/glob.ts';

it.each([
  ['hidden', 'hidden', true],
  ['hidden', 'hidden2', false],
  ['a.b', 'axb', false],
  ['*', '', true],
  ['blocks.*.z', 'blocks.12.z', true],
  ['blocks.*.z', 'blocks.12.z.q', false],
  ['a*a', 'a', false],
  ['*b*c*d*', 'abxcyd', true],
  ['*b*c*d*', 'abxdyc', false],
  ['*ab*ab', 'abab', true],
  ['*ab*ab', 'aab', false],
  ['**x**', 'x', true],
  [`${'*1'.repeat(12)}*`, '1'.repeat(12), true],
])('%s on %s: %s', (glob, name, matches) => {
  expect(globPattern(glob).test(name)).toBe(matches);
});

it('takes no long time with many stars', () => {
  const start = performance.now();
  expect(globPattern(`${'*a'.repeat(60)}*b`).test('a'.repeat(200))).toBe(false);
  expect(globPattern(`${'*'.repeat(300)}b`).test('a'.repeat(200))).toBe(false);
  expect(performance.now() - start).toBeLessThan(2000);
});
