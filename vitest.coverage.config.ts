import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { NAMES, NOT_HERE } from './vitest.config.ts';

/**
 * How much of the code the tests inside this process run: `npm run coverage`. V8's counters make such tests take two
 * times the processor time, so they are not part of `npm test`, and tests with processes of their own, of which nothing
 * is counted, are not part of this.
 */
export default defineConfig({
  test: {
    include: NAMES,
    exclude: [
      ...NOT_HERE,
      'test/{crash,conformance,docs,e2e,hostile,permissions}/**',
      'test/{architecture,bench,container,corpus,dialects-complete,events-load,golden-files,launcher,load}.test.ts',
      'test/{n8n-workflows,native-schemas,pull-watch,release,requirements,sdk,sentences,started-entries}.test.ts',
      'test/{supply-chain,threats,undo,watch-drift,writable-clients,writers}.test.ts',
    ],
    testNamePattern: /^(?!.*through real processes)/,
    globalSetup: ['test/support/build.ts'],
    // Enough documents to come by every branch; how many there must be is the business of `npm test`.
    env: { PROPERTY_RUNS: '30' },
    maxWorkers: availableParallelism() + 1,
    reporters: ['default'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    coverage: {
      enabled: true,
      provider: 'v8',
      // Beside the results of the tests, which must not be cleared away.
      reportsDirectory: 'coverage/lines',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: {
        lines: 90,
        'src/core/**': { lines: 95 },
      },
    },
  },
});
