import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    // Vitest keeps one core for itself, which on a machine of two runs one file at a time.
    maxWorkers: '100%',
    reporters: ['default', ['json', { outputFile: 'coverage/tests.json' }]],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
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
