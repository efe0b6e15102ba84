import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where nothing is known of an earlier run, Vitest begins with the largest files. These are small, and take longest. */
const LONGEST = ['test/surfaces/surfaces', 'test/corpus', 'test/bench', 'test/crash/kill'];

/** The longest files first: the last one to begin would else go on alone, with the other cores idle. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export const NAMES = ['src/**/*.test.ts', 'test/**/*.test.ts'];
/** With programs that are not installed with the project, several servers (vitest.stores.config.ts), and faults. */
export const NOT_HERE = ['test/integrations/**', 'test/replicas/**', 'test/faults/r*.test.ts'];
/** What promises a latency under load: beside other tests it would measure those. */
const MEASURED = ['test/load.test.ts', 'test/events-load.test.ts', 'test/hostile/slow-clients.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', ['json', { outputFile: 'coverage/tests.json' }]],
    // So long that a busy machine fails nothing: what a promise bounds is measured by its test itself.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: NAMES,
          exclude: [...NOT_HERE, ...MEASURED],
          sequence: { groupOrder: 0 },
          // Many tests wait, for processes, disks and clocks: one more than there are cores keeps those busy.
          maxWorkers: availableParallelism() + 1,
        },
      },
      {
        extends: true,
        test: { name: 'measured', include: MEASURED, sequence: { groupOrder: 1 }, maxWorkers: 1 },
      },
    ],
  },
});
