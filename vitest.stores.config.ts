import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** What a caller sees of the store through one door or another. */
const DOORS = [
  'batch',
  'deployments',
  'discovery',
  'drift',
  'events',
  'expiry',
  'idempotency',
  'kept-answers',
  'links',
  'mcp-audiences',
  'mcp-sessions',
  'mcp-sse',
  'metrics',
  'oidc',
  'payload-validation',
  'pointers',
  'profiles',
  'pull',
  'refusals',
  'sdk',
  'streams',
  'told',
  'tokens-rest',
  'undo',
  'webhooks',
].map((name) => `test/${name}.test.ts`);

/**
 * The same tests on another store: `npm run test:stores`. The contract of the store itself is in the ordinary run,
 * and so are tests of files, clients and processes, to which the store is all the same.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts', 'test/support/prepare-stores.ts'],
    reporters: ['default', ['json', { outputFile: 'coverage/stores.json' }]],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'doors',
          include: [...['surfaces', 'e2e', 'permissions'].map((folder) => `test/${folder}/**/*.test.ts`), ...DOORS],
          // Of the package, the image, and a start when the store is a file: what it loads, and who holds the lock.
          exclude: ['tarball', 'container', 'start', 'start-locked'].map((name) => `test/e2e/${name}.test.ts`),
          sequence: { groupOrder: 0 },
          maxWorkers: availableParallelism() + 1,
        },
      },
      {
        extends: true,
        test: {
          name: 'under load',
          include: ['test/replicas/**/*.test.ts', 'test/load.test.ts'],
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
        },
      },
    ],
  },
});
