import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Their tests replace modules, globals or environment variables, or mostly run other processes: a process for each file. */
const APART = ['browser', 'checkpoint', 'cli', 'house', 'hub', 'loader', 'package', 'playground'].map(
  (folder) => `tests/${folder}/**/*.test.ts`,
);
const SLOW = 'tests/**/*.slow.test.ts';

export default defineConfig({
  test: {
    // Vitest would leave one processor free, which on two processors is half of the machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'apart', include: APART, exclude: [SLOW], globalSetup: 'tests/bundle.ts' } },
      // Files that share a process load and compile the sources once.
      {
        extends: true,
        test: { name: 'shared', include: ['tests/**/*.test.ts'], exclude: [...APART, SLOW], isolate: false },
      },
    ],
  },
});
