import { defineConfig } from 'vitest/config';

/** What promises a latency, or counts memory: beside other tests it would measure those. */
const MEASURED = [8, 10, 11, 12, 13].map((number) => `test/faults/r${String(number).padStart(2, '0')}-*.test.ts`);

/**
 * The promises R1 to R22 under faults: `npm run test:faults`. Each test prints its figure and adds it to
 * coverage/faults.json, of which `node scripts/faults-table.ts` makes the page of evidence.
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    reporters: ['verbose', ['json', { outputFile: 'coverage/faults-tests.json' }]],
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/r*.test.ts'],
          exclude: MEASURED,
          sequence: { groupOrder: 0 },
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: { name: 'measured', include: MEASURED, sequence: { groupOrder: 1 }, maxWorkers: 1 },
      },
    ],
  },
});
