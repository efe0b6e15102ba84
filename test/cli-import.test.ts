import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecrets } from '../src/io/secrets/store.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { CTRL_C, converse, ENTER } from './support/terminal.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** Made up, in the form of a GitHub token. */
const TOKEN = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`;
const FILE = `{"mcpServers": {
  "memory": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]},
  "code": {"command": "npx", "args": ["-y", "code-mcp"], "env": {"GITHUB_TOKEN": "${TOKEN}"}},
  "here": {"command": "npx", "args": ["\${workspaceFolder}"]}
}}
`;
const IMPORT = ['import-config', '--client', 'cursor'];

async function withFile(): Promise<Workspace> {
  const workspace = await testWorkspace();
  await mkdir(join(workspace.home, '.cursor'));
  await writeFile(join(workspace.home, '.cursor/mcp.json'), FILE);
  return workspace;
}
const storedIn = (workspace: Workspace) => openSecrets(workspace).get('code.GITHUB_TOKEN');

describe('import-config at a terminal', () => {
  it('asks before it takes secrets out of the file, and says what it did with every server', async () => {
    const workspace = await withFile();
    const question = 'The file has 1 secret in the open: code.GITHUB_TOKEN. Store it on this machine?';
    const { code, stdout, screen } = await converse(workspace, [[question, 'y']], ...IMPORT);
    expect(code).toBe(0);
    expect(stdout).toMatch(/memory.*imported.*catalog server memory/);
    expect(stdout).toMatch(/here.*left alone.*placeholder that only Cursor fills in/s);
    expect(screen).toContain('Stored on this machine: code.GITHUB_TOKEN.');
    expect(stdout + screen).not.toContain(TOKEN);
    expect(await storedIn(workspace)).toBe(TOKEN);
    expect(await readFile(join(workspace.home, '.cursor/mcp.json'), 'utf8')).toBe(FILE);
  });

  it('imports without storing when the answer is no, and changes nothing when it is broken off', async () => {
    const workspace = await withFile();
    const broken = await converse(workspace, [['Store it on this machine?', CTRL_C]], ...IMPORT);
    expect(broken.code).not.toBe(0);
    expect(await cliHereJson(workspace, 'view-draft', '--client', 'cursor')).toMatchObject({ revision: 0 });
    const { code, screen } = await converse(workspace, [['Store it on this machine?', `n${ENTER}`]], ...IMPORT);
    expect([code, await storedIn(workspace)]).toEqual([0, undefined]);
    expect(screen).toContain('Not stored: run mcp-orchestration set-secret code.GITHUB_TOKEN before you deploy.');
  });
});

it('import-config asks nobody in a script, and stores secrets there only with --yes', async () => {
  const workspace = await withFile();
  expect(await cliHereJson(workspace, ...IMPORT)).toMatchObject({ secrets: [{ stored: false }], revision: 1 });
  expect(await storedIn(workspace)).toBeUndefined();
  const again = await cliHereJson(workspace, ...IMPORT, '--yes', '--replace');
  expect(again).toMatchObject({ imported: ['memory', 'code'], secrets: [{ name: 'code.GITHUB_TOKEN', stored: true }] });
  expect(await storedIn(workspace)).toBe(TOKEN);
  await writeFile(join(workspace.home, '.cursor/mcp.json'), '{}');
  expect((await cliHere(workspace, ...IMPORT)).stdout).toBe('The file has no servers.\n');
});
