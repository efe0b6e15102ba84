import { describe, expect, it, onTestFinished } from 'vitest';
import { cliHere, cliHereJson } from '../support/in-process.ts';
import { findPostgres, freshDatabase } from '../support/postgres.ts';
import { testWorkspace } from '../support/workspace.ts';

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED deploying from PostgreSQL: ${found.missing}\n`);

describe.skipIf(server === '')('a machine whose store is in PostgreSQL', () => {
  it('deploys what its clients can resolve, and refuses what only the launcher could, which reads a file', async () => {
    const database = await freshDatabase(server);
    onTestFinished(database.drop);
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_DATABASE_URL'] = database.url;
    await cliHereJson(workspace, 'initialize-keys');
    await cliHereJson(workspace, 'add-server', 'memory', '--client', 'cursor');
    await cliHereJson(workspace, 'publish-config', '--client', 'cursor');
    expect(await cliHereJson(workspace, 'deploy-config', '--client', 'cursor')).toMatchObject({ status: 'deployed' });
    await cliHereJson(workspace, 'add-server', 'memory', '--client', 'claude-desktop', '--env', 'KEY=${secret:KEY}');
    await cliHereJson(workspace, 'publish-config', '--client', 'claude-desktop');
    const refused = await cliHere(workspace, 'deploy-config', '--client', 'claude-desktop', '--json');
    expect(refused.json()).toMatchObject({
      error: { code: 'SECRET_NOT_RENDERABLE', message: expect.stringContaining('PostgreSQL') },
    });
    const launched = await cliHere(workspace, 'exec-server', '--client', 'cursor', 'memory');
    expect(launched.stderr).toContain('not PostgreSQL');
  });
});
