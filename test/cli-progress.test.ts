import { expect, it } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { converse } from './support/terminal.ts';
import { testWorkspace } from './support/workspace.ts';

/** Back to the beginning of the line, and nothing in it. */
const CLEARED = '\r\u001b[K';

it('long work says at a terminal what it does, and the line is gone at the end', async () => {
  const workspace = await testWorkspace();
  await cliHereJson(workspace, 'initialize-keys');
  for (const client of ['cursor', 'vscode']) {
    await cliHereJson(workspace, 'add-server', 'memory', '--client', client);
    await cliHereJson(workspace, 'publish-config', '--client', client);
  }
  const args = ['deploy-all', '--clients', 'cursor,vscode'];
  const { code, stdout, stderr } = await converse(workspace, [], ...args);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^\r\u001b\[KPlanned (cursor|vscode) \(1 of 2\)\r\u001b\[KPlanned (cursor|vscode) \(2 of 2\)/);
  expect(stderr).toContain(`${CLEARED}Deploying to vscode (2 of 2)${CLEARED}`);
  expect(stdout).not.toContain('Planned');
  expect((await converse(workspace, [], 'doctor', '--client', 'cursor')).stderr).toContain('Looking at Cursor');
  expect((await converse(workspace, [], 'list-backups')).stderr).toContain('Comparing every backup');

  expect((await cliHere(workspace, ...args)).stderr).toBe('');
  expect((await converse(workspace, [], ...args, '--json')).stderr).toBe('');
});
