import { defineConfig } from 'vitest/config';

/** The tests with real programs of others around this product: `npm run test:n8n`, `npm run test:gateways`. */
export default defineConfig({
  test: {
    include: ['test/integrations/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    // Each starts programs of its own, on fixed ports of theirs and with hundreds of megabytes.
    fileParallelism: false,
    reporters: ['verbose', ['json', { outputFile: 'coverage/integrations.json' }]],
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
