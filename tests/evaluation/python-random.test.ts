/** Draws of Python's random.Random: those of CPython 3.11. */
import { expect, test } from 'vitest';
import { PythonRandom } from '../../src/evaluation/few-shot/python-random.ts';

const numbers = (text: string) => text.split(' ').map(Number);

/** Rows to draw from, how many, the first draw, the beginning of the second. */
const DRAWS: [number, number, string, string][] = [
  [40398, 5, '28883 7657 490 5940 38156', '2288 5500 6450 23241 15519'],
  [40398, 6, '28883 7657 490 5940 38156 2288', '5500 6450 23241 15519 1142 2019'],
  [39905, 10, '28883 7657 490 5940 38156 2288 5500 6450 23241 15519', '1142 2019 1038 22681 31735'],
  [299, 25, '225 59 3 46 298 17 42 50 181 121 8 15 177 247 237 76 93 58 7 257 249 127 33 277 238', '35 45 263 296 23'],
  [
    1119,
    25,
    '902 239 15 185 71 171 201 726 484 35 63 32 708 991 949 304 186 374 234 29 1030 996 511 132 1108',
    '954 140 182 1054 94',
  ],
  [7473, 5, '6374 3610 957 61 742', '7462 6610 4769 286 5501'],
  [2251, 5, '1805 478 30 371 143', '343 403 1452 969 71'],
  [16113, 5, '15834 12749 7220 1914 122', '1485 14925 15442 15388 13221'],
  [20, 5, '14 3 0 2 1', ''],
];

test.each(DRAWS)('samples of %i rows, %i at a time, are those of Python', (n, k, first, second) => {
  const random = new PythonRandom(1234);
  expect(random.sample(n, k)).toEqual(numbers(first));
  if (second !== '') expect(random.sample(n, k).slice(0, numbers(second).length)).toEqual(numbers(second));
});

test('the words of the generator are those of Python', () => {
  const random = new PythonRandom(1234);
  expect([random.next32(), random.next32(), random.next32()]).toEqual([4150886329, 3342196574, 1892932127]);
});

test('draws with replacement are those of Python, also for seeds 0 and above 2^32', () => {
  const drawn = (seed: number) =>
    Array.from(
      { length: 6 },
      (
        (random) => () =>
          random.choice(100)
      )(new PythonRandom(seed)),
    );
  expect(drawn(0)).toEqual([84, 75, 42, 25, 51, 40]);
  expect(drawn(7)).toEqual([32, 15, 65, 7, 53, 36]);
  expect(drawn(2 ** 40 + 5)).toEqual([50, 26, 92, 53, 81, 78]);
});
