import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * The same tests on another store: `npm run test:stores`. The contract of the store itself is in the ordinary run. Left
 * out are tests that look into the SQLite file, or whose machine deploys through a launcher, which reads that file.
 */
export default defineConfig({
  test: {
    include: ['test/surfaces/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/permissions/**/*.test.ts', 'test/*.test.ts'],
    exclude: ['test/backup.test.ts', 'test/copy.test.ts', 'test/inspect.test.ts'],
    globalSetup: ['test/support/build.ts', 'test/support/prepare-stores.ts'],
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', ['json', { outputFile: 'coverage/stores.json' }]],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
