import { defineConfig } from 'vitest/config';

/** Tests that install something or take minutes: `npm run test:slow`. */
export default defineConfig({
  test: {
    include: ['tests/**/*.slow.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
