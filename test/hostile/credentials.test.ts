import { describe, expect, it } from 'vitest';
import { formatToken } from '../../src/core/token.ts';
import { invoke } from '../../src/operations/operation.ts';
import { generateToken, revokeToken } from '../../src/operations/tokens.ts';
import { cliJson, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { API_KEY, codeIn, restInProcess } from './server.ts';
import { foundUnder } from './traces.ts';

describe('credentials', () => {
  const get = (headers: Record<string, string>) => ({ url: '/v1/clients', headers: { host: 'localhost', ...headers } });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('that are unknown, malformed, expired or revoked get the same answer to the byte', async () => {
    const { app, server } = await restInProcess();
    const context = app.localContext('cli');
    const before = { ...context, now: () => new Date(Date.now() - 2000) };
    const expired = await invoke(generateToken, before, { expires: '1s' });
    const revoked = await invoke(generateToken, context, {});
    await invoke(revokeToken, context, { token_id: revoked['token_id'] });
    const valid = String((await invoke(generateToken, context, {}))['token']);
    expect((await server.inject(get(bearer(valid)))).statusCode).toBe(200);
    const refused: Record<string, string>[] = [
      bearer(formatToken('user', new Uint8Array(32).fill(7))),
      bearer(String(expired['token'])),
      bearer(String(revoked['token'])),
      bearer(`${valid.slice(0, -1)}!`),
      bearer(valid.replace('user', 'agent')),
      bearer(`${valid}x`),
      bearer('x'),
      { authorization: 'Bearer' },
      { authorization: '' },
      { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` },
      { authorization: valid },
      { 'x-api-key': 'another-key-that-is-not-known' },
      { 'x-api-key': '' },
      { 'x-api-key': `${API_KEY}x` },
      { ...bearer('x'), 'x-api-key': API_KEY },
      { ...bearer(String(revoked['token'])), 'x-api-key': API_KEY },
    ];
    const answers = await Promise.all(refused.map((headers) => server.inject(get(headers))));
    const shown = answers.map(({ statusCode, body, headers }) => {
      const id = String(headers['x-request-id']);
      const error = JSON.parse(body).error;
      return JSON.stringify([
        statusCode,
        headers['www-authenticate'],
        body.replace(id, '<id>').replace(error.timestamp, '<time>'),
      ]);
    });
    expect(new Set(shown).size, shown.join('\n')).toBe(1);
    expect(codeIn(answers[0]?.body ?? '')).toBe('INVALID_CREDENTIALS');
    expect(answers[0]?.statusCode).toBe(401);
    const nothing = await server.inject(get({}));
    expect([nothing.statusCode, codeIn(nothing.body)]).toEqual([401, 'AUTHENTICATION_REQUIRED']);
    const both = await server.inject(get({ ...bearer(valid), 'x-api-key': 'wrong-key-wrong-key' }));
    expect(both.statusCode, 'a valid bearer decides').toBe(200);
  });

  it('decide what their bearer may do', async () => {
    const { app, server } = await restInProcess();
    const context = app.localContext('cli');
    const tokenOf = async (input: Record<string, unknown>) =>
      String((await invoke(generateToken, context, input))['token']);
    const [viewer, editor, agent] = [
      await tokenOf({ role: 'viewer' }),
      await tokenOf({ role: 'editor' }),
      await tokenOf({ kind: 'agent', role: 'admin' }),
    ];
    const base = '/v1/config/cursor/dev';
    const ask = async (token: string, method: string, url: string, body?: object) => {
      const headers = { host: 'localhost', ...bearer(token) };
      const answer = await server.inject({ method: method as 'GET', url, headers, ...(body && { body }) });
      return answer.statusCode < 400 ? answer.statusCode : codeIn(answer.body);
    };
    const writes: [string, string, object?][] = [
      ['PUT', `${base}/draft`, { payload: { mcpServers: {} } }],
      ['POST', `${base}/draft/add`, { server_id: 'memory' }],
      ['POST', `${base}/draft/remove`, { server_name: 'memory' }],
      ['DELETE', `${base}/draft`],
      ['POST', `${base}/validate`],
      ['POST', `/v1/clients/cursor/profiles`, { profile_id: 'team' }],
    ];
    const beyondDrafts: [string, string, object?][] = [
      ['POST', `${base}/publish`],
      ['POST', `${base}/deploy`],
      ['POST', '/v1/keys/initialize'],
    ];
    for (const [method, url, body] of [...writes, ...beyondDrafts])
      expect(await ask(viewer, method, url, body), url).toBe('FORBIDDEN');
    for (const [method, url, body] of beyondDrafts) {
      expect(await ask(editor, method, url, body), url).toBe('FORBIDDEN');
      expect(await ask(agent, method, url, body), url).toBe('FORBIDDEN');
    }
    expect(
      await ask(agent, 'POST', '/v1/clients/cursor/profiles', { profile_id: 'team' }),
      'no profile by an agent',
    ).toBe('FORBIDDEN');
    expect(await ask(viewer, 'GET', `${base}/draft`)).toBe(200);
    expect(await ask(agent, 'PUT', `${base}/draft`, { payload: { mcpServers: {} } })).toBe(200);
    expect(await ask(agent, 'POST', `${base}/validate`)).toBe(200);
    expect(
      await ask(agent, 'POST', '/v1/config/diff', { config_a: { mcpServers: {} }, config_b: { mcpServers: {} } }),
    ).toBe(200);
    expect(
      await ask(viewer, 'PUT', `${base}/draft`, { payload: 'not even looked at' }),
      'refused before the input is read',
    ).toBe('FORBIDDEN');
  });

  it('are not stored: neither the token nor a part of it is in the data directory', async () => {
    const workspace = await testWorkspace();
    const { token } = await cliJson(workspace, 'generate-token');
    expect(foundUnder(workspace.home, [String(token).slice(10)])).toEqual([]);
  });
});

describe('server mode', () => {
  it('warns, opens only health, and writes no client file unless it was told that it may', {
    timeout: 120_000,
  }, async () => {
    const workspace = await testWorkspace();
    const server = await startHttp(workspace, { args: ['--host', '127.0.0.2'] });
    expect(server.url).toContain('127.0.0.2');
    expect(server.output.stderr).toContain('WARNING: this server is reachable from other machines without TLS.');
    for (const path of [
      '/docs',
      '/docs/',
      '/docs/js/scalar.js',
      '/openapi.json',
      '/schemas/payload-v1.json',
      '/v1/clients',
      '/nothing',
    ]) {
      const refused = await server.ask('GET', path, { token: null });
      expect([path, refused.status, codeIn(JSON.stringify(refused.body))]).toEqual([
        path,
        401,
        'AUTHENTICATION_REQUIRED',
      ]);
    }
    for (const path of ['/health', '/healthz', '/readyz'])
      expect((await server.ask('GET', path, { token: null })).status).toBe(200);
    expect((await server.ask('GET', '/openapi.json')).status).toBe(200);
    await server.ask('POST', '/v1/keys/initialize');
    const body = { payload: { mcpServers: { x: { command: 'node', args: [] } } } };
    expect((await server.ask('POST', '/v1/config/vscode/default/publish', { body })).status).toBe(201);
    const refused = await server.ask('POST', '/v1/config/vscode/default/deploy', { body: {} });
    expect(refused).toMatchObject({
      status: 403,
      body: { error: { code: 'FORBIDDEN', hint: expect.stringContaining('--allow-deploy') } },
    });
    const keys = await server.ask('POST', '/v1/keys/initialize');
    expect(keys.body, 'no path of the private key').toMatchObject({ key_dir: null, public_key_path: null });
    await server.stop();
    const told = await startHttp(workspace, { args: ['--host', '127.0.0.2', '--allow-deploy'] });
    const { token } = await cliJson(workspace, 'generate-token', '--role', 'deployer');
    const deployed = await told.ask('POST', '/v1/config/vscode/default/deploy', { body: {}, token: String(token) });
    expect(deployed).toMatchObject({ status: 200, body: { status: 'deployed' } });
  });
});
