/** The bare loops read and multiply, in every variant that this engine runs. */
import { describe, expect, test } from 'vitest';
import { median } from '../../bench/bare-loop.ts';
import { peakLoop } from '../../bench/peak-loop.ts';
import { readLoop } from '../../bench/read-loop.ts';
import { fastestVariant } from '../../src/backends/wasm/features.ts';
import { q4 } from '../../src/formats/q4.ts';
import { enableEngineFeatures } from '../../src/node.ts';

enableEngineFeatures();

/** A processor of 2015 and one that is not built yet, both under load or at rest. */
const [LEAST, MOST] = [1e7, 1e13];

const between = (value: number) => {
  expect(value).toBeGreaterThan(LEAST);
  expect(value).toBeLessThan(MOST);
};

describe.each([1, 2])('on %i threads', { timeout: 30_000 }, (threads) => {
  test.each([1, 300_001])('%i bytes are read', async (bytes) => {
    const loop = await readLoop(bytes, threads);
    between(await loop.bytesPerSecond());
    await loop.dispose();
  });

  const variants = fastestVariant() === 'plain' ? (['plain'] as const) : (['plain', 'relaxed16', 'relaxed32'] as const);
  test.each(variants)(
    'the products of %s kernels are made, of integers in both ways and of floats',
    async (variant) => {
      for (const dtype of [q4, 'bf16'] as const) {
        const loop = await peakLoop(variant, dtype, threads);
        between(await loop.multiplyAddsPerSecond());
        await loop.dispose();
      }
    },
  );
});

test('the median is one of the numbers', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([10, 9])).toBe(10);
  expect(median([7])).toBe(7);
});
