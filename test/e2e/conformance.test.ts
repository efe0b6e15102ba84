import { expect, it } from 'vitest';
import { REVISIONS, runSuite } from '../conformance/suite.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

/** The public conformance suite against the product, through our own HTTP and credentials. */

/** Every scenario of a revision that needs no tool, prompt or resource made for the suite. */
const SCENARIOS = {
  '2026-07-28': [
    'tools-list',
    'resources-list',
    'prompts-list',
    'caching',
    'sep-2164-resource-not-found',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
    'http-header-validation',
    'input-required-result-missing-input-response',
    'input-required-result-unsupported-methods',
    'input-required-result-ignore-extra-params',
    'input-required-result-validate-input',
  ],
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
    'server-session-lifecycle',
    'server-sse-polling',
  ],
} as const;

it.each(REVISIONS)(
  'every scenario of revision %s that needs no fixture passes',
  { timeout: 120_000 },
  async (revision) => {
    const { url, token } = await startHttp(await testWorkspace());
    const { passed, total } = await runSuite(`${url}/mcp`, { authorization: `Bearer ${token}` }, revision);
    expect(SCENARIOS[revision].filter((name) => !passed.has(name))).toEqual([]);
    process.stdout.write(`${revision}: ${passed.size} scenarios passed; ${total}\n`);
  },
);
