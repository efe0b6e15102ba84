import { readFileSync } from 'node:fs';

/** Prints "PASSED FAILED" of a Vitest JSON report; a report that is missing or broken counts as one failure. */
const [path = ''] = process.argv.slice(2);
try {
  const { numPassedTests, numFailedTests, numFailedTestSuites, success } = JSON.parse(readFileSync(path, 'utf8'));
  console.log(numPassedTests, success ? 0 : Math.max(1, numFailedTests, numFailedTestSuites));
} catch {
  console.log(0, 1);
}
