import { defineConfig } from 'vitest/config';
import { NAMES } from '../../../vitest.config.ts';
import { ROOT } from '../../support/workspace.ts';

/** Tests of the ordinary run, carried out by a promise: with a report of its own. */
export default defineConfig({
  root: ROOT,
  test: {
    include: NAMES,
    reporters: [['json', { outputFile: process.env['FAULT_REPORT'] ?? 'coverage/faults-suite.json' }]],
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
