import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../support/process.ts';
import { ROOT } from '../../support/workspace.ts';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  success: boolean;
  testResults: {
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** Carries out test files of the ordinary run with other rounds; gives how many tests passed. What failed is told whole. */
export async function passing(id: string, files: readonly string[], env: Record<string, string>): Promise<number> {
  const report = join(ROOT, `coverage/faults-${id}.json`);
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'test/faults/support/suites.config.ts', ...files];
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const finished = await run(process.execPath, args, {
    env: { ...Object.fromEntries(own), ...env, FAULT_REPORT: report } as Record<string, string>,
    cwd: ROOT,
  });
  const { numPassedTests, success, testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const failed = testResults.flatMap(({ message, assertionResults }) => [
    message,
    ...assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ failureMessages }) => failureMessages[0] ?? ''),
  ]);
  expect(success, `${failed.filter((text) => text !== '').join('\n')}\n${finished.stderr}`).toBe(true);
  return numPassedTests;
}
