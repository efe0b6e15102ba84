import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where nothing is known of an earlier run, Vitest begins with the largest files. These are small, and take longest. */
const LONGEST = ['test/surfaces/surfaces', 'src/clients/codecs/toml.property', 'test/bench', 'test/crash/kill'];

/** The longest files first: the last one to begin would else go on alone, with the other cores idle. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // With programs that are not installed with the project: vitest.integrations.config.ts.
    exclude: ['test/integrations/**'],
    globalSetup: ['test/support/build.ts'],
    // Vitest keeps one core for itself, which on a machine of two runs one file at a time.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
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
