import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { call, temporaryFiles } from './crash/invariants.ts';
import { rowsIn } from './support/rows.ts';
import { makeWorkspace, type Workspace } from './support/workspace.ts';

/** Files that are not changed, because it could not be done without loss: nothing is written, and the ledger stays as it was. */

let workspace: Workspace;
beforeEach(async () => {
  workspace = await makeWorkspace();
  await call(workspace, 'initialize_keys');
});
afterEach(() => workspace.remove());

const FILES = { 'codex-cli': '.codex/config.toml', cursor: '.cursor/mcp.json', zed: '.config/zed/settings.json' };
const ours = { mcpServers: { ours: { command: 'node', args: ['x'] } } };

const CASES: [client_id: keyof typeof FILES, text: string, reason: string][] = [
  ['codex-cli', 'mcp_servers = { theirs = { command = "a" } } # in braces\n', 'inline_super_table'],
  ['codex-cli', '# behind dots\r\nmcp_servers.theirs.command = "a"\r\n', 'dotted_super_table'],
  ['codex-cli', '[mcp_servers]\nours.command = "a"\n', 'unsupported_layout'],
  ['codex-cli', '[[mcp_servers]]\nname = "theirs"\n', 'not_an_object'],
  ['codex-cli', '[mcp_servers.theirs]\ncommand = "a"\ncommand = "b"\n', 'duplicate_key'],
  ['codex-cli', '[mcp_servers.theirs]\n[mcp_servers.theirs]\n', 'duplicate_key'],
  ['codex-cli', 'notes = """\nnever closed\n', 'syntax'],
  ['cursor', '{"mcpServers": {}, "mcpServers": {"a": {}}}', 'duplicate_key'],
  ['cursor', '{"mcpServers": {"ours": {"command": "a"}, "ours": {"command": "b"}}}', 'duplicate_key'],
  ['cursor', '{"mcpServers": []}', 'not_an_object'],
  ['cursor', '// strict JSON has no comments\n{}', 'comment'],
  ['zed', '{"context_servers": {}, /* again */ "context_servers": {}}', 'duplicate_key'],
];

describe('a file that cannot be changed without loss', () => {
  test.each(CASES)('of %s is left alone: %j (%s)', async (client_id, text, reason) => {
    const file = join(workspace.home, FILES[client_id]);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    const before = statSync(file);
    await call(workspace, 'publish_config', { client_id, payload: ours });
    for (const more of [{ dry_run: true }, {}, { on_drift: 'overwrite' }]) {
      await expect(call(workspace, 'deploy_config', { client_id, adopt: true, ...more })).rejects.toMatchObject({
        code: 'CLIENT_FILE_UNPARSABLE',
        message: expect.stringContaining(file),
        details: { reason, line: expect.any(Number), config_path: file },
      });
    }
    const { ino, mtimeMs } = statSync(file);
    expect([readFileSync(file, 'utf8'), ino, mtimeMs]).toEqual([text, before.ino, before.mtimeMs]);
    expect(readdirSync(dirname(file))).toHaveLength(1);
    expect(temporaryFiles(workspace.home)).toEqual([]);
    expect(await rowsIn(workspace.env, 'select * from deployments')).toEqual([]);
    expect(await call(workspace, 'list_backups')).toMatchObject({ count: 0 });
  });
});
