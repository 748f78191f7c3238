import { defineConfig } from 'vitest/config';

/** Laws that quick tests try on some backends only, or with fewer seeds. */
const SWEEPS = [
  'tests/analysis/lens.test.ts',
  'tests/interventions/laws.test.ts',
  'tests/ops/ops.test.ts',
  'tests/wasm/variants.test.ts',
  ...['golden', 'laws', 'published'].map((name) => `tests/models/${name}.test.ts`),
];

/** Tests that install something or take minutes: `npm run test:slow`. */
export default defineConfig({
  test: {
    include: ['tests/**/*.slow.test.ts', ...SWEEPS],
    env: { TEST_BACKENDS: 'all' }, // see tests/backends.ts
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
