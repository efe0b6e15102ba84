import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { verifyRelease } from '../../src/core/verify.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { TOOLSETS } from '../../src/operations/operation.ts';
import { callOn } from '../crash/invariants.ts';
import { API_KEY, restInProcess } from '../hostile/server.ts';
import { cliHere, cliHereJson } from '../support/in-process.ts';
import { openEvents } from '../support/sse.ts';

/** Workspaces: how one begins, what it has of its own, and what of the installation is not its affair. */

const target = { client_id: 'cursor', profile_id: 'default' };
const CONFIG = '/v1/config/cursor/default';
const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });
type Body = Record<string, unknown> & { error?: { code: string; message: string; details: Record<string, unknown> } };

async function served(settings: Parameters<typeof restInProcess>[0] = {}) {
  const mcp = mcpOverHttp(offerOf(OPERATIONS, { version: '0', toolsets: new Set(TOOLSETS) }), {
    now: () => new Date(),
  });
  const rest = await restInProcess({ mcp, ...settings });
  await callOn(rest.app, 'initialize_keys');
  await callOn(rest.app, 'create_workspace', { workspace: 'team', display_name: 'The team' });
  /** Of the API key of the environment, which is one of `default`, without a token. */
  const ask = async (token: string | undefined, method: string, url: string, body?: object) => {
    const credential = token === undefined ? { 'x-api-key': API_KEY } : { authorization: `Bearer ${token}` };
    const answer = await rest.server.inject({
      method: method as 'GET',
      url,
      headers: { host: 'localhost', ...credential },
      ...(body !== undefined && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.json() as Body };
  };
  const tokenOf = async (input: object) =>
    String((await ask(undefined, 'POST', '/v1/tokens', { role: 'admin', ...input })).body['token']);
  return { ...rest, ask, tokenOf };
}

describe('a workspace', () => {
  it('is made on the command line, with its first token, and is then reached over HTTP', async () => {
    const { workspace, ask } = await served();
    expect(await cliHereJson(workspace, 'create-workspace', 'second')).toMatchObject({ workspace: 'second' });
    const listed = await cliHereJson(workspace, 'list-workspaces');
    expect(listed['workspaces']).toMatchObject([
      { workspace: 'second' },
      { workspace: 'team' },
      { workspace: 'default' },
    ]);
    const made = await cliHere(workspace, 'generate-token', '--workspace', 'second', '--role', 'admin');
    expect(made.stderr).toContain('in the workspace second');
    const token = made.stdout.trim();
    expect((await ask(token, 'GET', '/v1/workspaces')).body['workspaces']).toMatchObject([{ workspace: 'second' }]);
    const tokens = await cliHereJson(workspace, 'list-tokens', '--workspace', 'second');
    expect(tokens['tokens']).toMatchObject([{ client_id: null, profile_id: null }]);
    expect((await cliHereJson(workspace, 'list-tokens'))['tokens']).toEqual([]);
    const [{ token_id }] = tokens['tokens'] as [{ token_id: string }];
    await cliHereJson(workspace, 'revoke-token', token_id, '--workspace', 'second');
    expect((await ask(token, 'GET', '/v1/workspaces')).status).toBe(401);
    const unknown = await cliHere(workspace, 'generate-token', '--workspace', 'secnd', '--json');
    expect([unknown.code, unknown.json()]).toMatchObject([4, { error: { code: 'WORKSPACE_NOT_FOUND' } }]);
  });

  it('is given tokens over HTTP by who governs workspaces in `default`; for all others it is not there', async () => {
    const { ask, tokenOf } = await served();
    const make = (token: string | undefined, workspace: string) =>
      ask(token, 'POST', '/v1/tokens', { scopes: ['config:read'], workspace });
    expect((await make(undefined, 'team')).body).toMatchObject({ workspace: 'team' });
    const team = await tokenOf({ workspace: 'team' });
    expect((await make(team, 'team')).status).toBe(201);
    const keeper = async () => {
      const scopes = ['tokens:admin', 'config:read'];
      return String((await ask(undefined, 'POST', '/v1/tokens', { scopes })).body['token']);
    };
    const refused: [token: string, named: string][] = [
      [team, 'default'],
      [await keeper(), 'team'],
      [await tokenOf({ client_id: 'cursor' }), 'team'],
      [await tokenOf({}), 'nowhere'],
    ];
    for (const [token, named] of refused) {
      const { status, body } = await make(token, named);
      const { code, message, details } = body.error ?? {};
      expect([status, code, message, details]).toEqual([
        404,
        'WORKSPACE_NOT_FOUND',
        `There is no workspace "${named}".`,
        { workspace: named },
      ]);
    }
  });

  it('makes no workspaces, and is not told which there are', async () => {
    const { ask, tokenOf } = await served();
    const team = await tokenOf({ workspace: 'team' });
    const [taken, free] = [
      await ask(team, 'POST', '/v1/workspaces', { workspace: 'default' }),
      await ask(team, 'POST', '/v1/workspaces', { workspace: 'free' }),
    ];
    expect([taken.status, taken.body.error?.message]).toEqual([403, free.body.error?.message]);
    expect((await ask(team, 'GET', '/v1/workspaces')).body).toEqual({
      workspaces: [{ workspace: 'team', display_name: 'The team', created_at: expect.any(String) }],
      next_cursor: null,
    });
  });

  it('publishes what others of the same names do not see, signed for it alone', async () => {
    const { app, ask, tokenOf } = await served();
    const team = await tokenOf({ workspace: 'team' });
    await callOn(app, 'publish_config', { ...target, payload: payload('of default') });
    expect((await ask(team, 'GET', CONFIG)).body.error?.code).toBe('CONFIG_NOT_FOUND');
    const { body } = await ask(team, 'POST', `${CONFIG}/publish`, { payload: payload('of the team') });
    expect(body).toMatchObject({ status: 'published', sequence: 1 });
    for (let time = 0; time < 2; time += 1) {
      expect((await ask(team, 'GET', CONFIG)).body).toMatchObject({ payload: payload('of the team') });
      expect((await ask(undefined, 'GET', CONFIG)).body).toMatchObject({ payload: payload('of default') });
    }
    const { store } = app;
    const row = await store.releases.latest('team', 'cursor', 'default');
    const artifact = await store.artifacts.get('team', row?.artifact_id ?? '');
    const keys = new Map((await store.keys.list('team')).map((key) => [key.key_id, key]));
    const verified = (workspace: string) =>
      verifyRelease(
        row?.envelope ?? '',
        {
          ...target,
          workspace,
          artifact_id: row?.artifact_id ?? '',
          sequence: 1,
          canonical_payload: artifact?.canonical ?? '',
          now: new Date(),
        },
        keys,
      );
    expect(verified('team').statement.predicate.workspace).toBe('team');
    expect(() => verified('default')).toThrow();
  });

  it('signs with the key of the installation, follows when that is rotated, and cannot rotate it', async () => {
    const { app, ask, tokenOf } = await served();
    const team = await tokenOf({ workspace: 'team' });
    expect((await ask(team, 'POST', '/v1/keys/initialize', {})).body).toMatchObject({ status: 'already_exists' });
    await ask(team, 'POST', `${CONFIG}/publish`, { payload: payload('one') });
    const refused = await ask(team, 'POST', '/v1/keys/initialize', { regenerate: true });
    expect([refused.status, refused.body.error?.details]).toEqual([403, { workspace: 'team' }]);
    const { key_id } = await callOn(app, 'initialize_keys', { regenerate: true });
    expect((await ask(team, 'GET', CONFIG)).body).toMatchObject({ sequence: 1, payload: payload('one') });
    await ask(team, 'POST', `${CONFIG}/publish`, { payload: payload('two') });
    expect((await ask(team, 'GET', CONFIG)).body).toMatchObject({ sequence: 2, signing_key_id: key_id });
    const { keys } = (await ask(team, 'GET', '/v1/keys')).body as unknown as { keys: { status: string }[] };
    expect(keys.map(({ status }) => status)).toEqual(['retired', 'active']);
  });

  it('has no part in the files of the machine', async () => {
    const { app, ask, tokenOf, workspace } = await served();
    mkdirSync(join(workspace.home, '.cursor'));
    await callOn(app, 'publish_config', { ...target, payload: payload('x') });
    await callOn(app, 'deploy_config', target);
    const team = await tokenOf({ workspace: 'team' });
    await ask(team, 'POST', `${CONFIG}/publish`, { payload: payload('evil') });
    const refused: [string, string, object?][] = [
      ['POST', `${CONFIG}/deploy`, {}],
      ['POST', '/v1/deploy', { clients: ['cursor'] }],
      ['POST', `${CONFIG}/undo`, {}],
      ['POST', `${CONFIG}/import`, {}],
      ['GET', '/v1/drift'],
      ['GET', '/v1/backups'],
      ['POST', '/v1/backups/prune', { keep: 0 }],
      ['GET', '/v1/clients?detect=true'],
    ];
    for (const [method, url, body] of refused) {
      expect([url, (await ask(team, method, url, body)).body.error?.details]).toEqual([url, { workspace: 'team' }]);
    }
    expect((await ask(team, 'GET', `${CONFIG}/deployed`)).body.error?.code).toBe('DEPLOYMENT_NOT_FOUND');
    expect((await ask(team, 'GET', `${CONFIG}/native?os=linux`)).body['text']).toContain('evil');
    expect(await callOn(app, 'get_deployed', target)).toMatchObject({ drift: false });
  });

  it('hears of its own events only: polling, on a stream, over MCP and by webhook', async () => {
    const { app, ask, tokenOf, server } = await served();
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const team = await tokenOf({ workspace: 'team' });
    const hook = { url: 'https://198.41.0.4:8443/hook', events: ['config.published'] };
    const { webhook_id } = (await ask(team, 'POST', '/v1/webhooks', hook)).body;
    const stream = await openEvents(`${url}/v1/events`, { authorization: `Bearer ${team}` });
    onTestFinished(() => stream.close());
    const options = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const;
    const client = new Client({ name: 'test', version: '1.0.0' }, options);
    const requestInit = { headers: { authorization: `Bearer ${team}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
    onTestFinished(() => client.close());
    const heard: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
    await client.listen({ resourceSubscriptions: ['config://cursor/default/latest'] });
    for (const word of ['a', 'b']) await callOn(app, 'publish_config', { ...target, payload: payload(word) });
    await ask(team, 'POST', `${CONFIG}/publish`, { payload: payload('c') });
    await stream.until(2);
    await expect.poll(() => heard).toEqual(['config://cursor/default/latest']);
    const { changes } = (await ask(team, 'GET', '/v1/changes')).body;
    const seen = [...stream.events(), ...(changes as { workspace: string; type: string }[])];
    expect(new Set(seen.map(({ workspace }) => workspace))).toEqual(new Set(['team']));
    expect(seen.filter(({ type }) => type === 'config.published')).toHaveLength(2);
    const { deliveries } = (await ask(team, 'GET', `/v1/webhooks/${webhook_id}/deliveries`)).body;
    expect(deliveries).toHaveLength(1);
    // An id of an event is a place in the own list, whoever gave it out.
    const beyond = await ask(team, 'GET', '/v1/changes?since=0000000000000006');
    expect(beyond.body).toMatchObject({ changes: [], resync: true });
  });
});

describe('a server that was not started to deploy', () => {
  it('neither writes files nor looks into them for a tool over HTTP', async () => {
    const { app, server } = await served({ mode: 'server', allow_http_deploy: false });
    await callOn(app, 'publish_config', { ...target, payload: payload('x') });
    const tools = [
      'deploy_config',
      'deploy_configs',
      'undo_deployment',
      'import_config',
      'prune_backups',
      'explain_config',
    ];
    for (const name of tools) {
      const answer = await server.inject({
        method: 'POST',
        url: '/mcp',
        headers: { host: 'localhost', 'x-api-key': API_KEY, accept: 'application/json, text/event-stream' },
        payload: {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            name,
            arguments:
              name === 'deploy_configs'
                ? { clients: ['cursor'] }
                : ['prune_backups', 'explain_config'].includes(name)
                  ? {}
                  : target,
          },
        },
      });
      expect([name, answer.body]).toEqual([name, expect.stringContaining('--allow-deploy')]);
    }
  });
});
