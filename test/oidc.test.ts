import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { exportSPKI, generateKeyPair, type JWTPayload } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { callersByJwt } from '../src/adapters/rest/jwt.ts';
import type { McpDoor } from '../src/adapters/rest/mcp.ts';
import { UNBOUND } from '../src/core/binding.ts';
import { SCOPES } from '../src/core/scopes.ts';
import { IssuerKeys } from '../src/io/issuer-keys.ts';
import { invoke } from '../src/operations/operation.ts';
import { generateToken } from '../src/operations/tokens.ts';
import { createWorkspace } from '../src/operations/workspaces.ts';
import { callOn } from './crash/invariants.ts';
import { API_KEY, codeIn, restInProcess } from './hostile/server.ts';
import { makeCertificate } from './support/certificate.ts';
import { cliHere } from './support/in-process.ts';
import { AUDIENCE, startIssuer } from './support/issuer.ts';
import { startHttp } from './support/process.ts';
import { openEvents } from './support/sse.ts';
import { ROOT, testWorkspace } from './support/workspace.ts';

/** JSON Web Tokens of an OpenID Connect issuer as bearer tokens: a real issuer on this machine, with real keys. */

const roles = (...names: string[]): JWTPayload => ({ mcp_orchestration_roles: names });

async function signingIn() {
  const issuer = await startIssuer();
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, {
    env: { MCP_ORCHESTRATION_OIDC_ISSUER: issuer.url, MCP_ORCHESTRATION_OIDC_AUDIENCE: AUDIENCE },
  });
  return { issuer, workspace, server };
}

async function listening(url: string, token: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
  onTestFinished(() => client.close());
  return client;
}

/** The server in this process: the same without its process, for many tokens. */
async function judging({ now = () => new Date() } = {}) {
  const issuer = await startIssuer();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { find: keys } = new IssuerKeys({ issuer: issuer.url, loopback_http: true, log });
  const callerOf = callersByJwt({ issuer: issuer.url, audience: AUDIENCE, keys, log, now });
  const { app, server, unexpected } = await restInProcess({ now, oidc: { issuer: issuer.url, callerOf } });
  const ours = async () => String((await invoke(generateToken, app.localContext('cli'), {}))['token']);
  const get = async (token: string, url = '/v1/clients') => {
    const answer = await server.inject({ url, headers: { host: 'localhost', authorization: `Bearer ${token}` } });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body };
  };
  const may = async (claims: JWTPayload) => {
    const { principal, workspace } = await callerOf(await issuer.token(claims));
    return { ...principal, scopes: [...principal.scopes].toSorted(), workspace };
  };
  return { app, server, issuer, get, may, ours, unexpected };
}

describe('a token of the issuer', () => {
  it('is accepted by REST and MCP, does what its roles say, and is named in what it did', async () => {
    const { issuer, server } = await signingIn();
    const token = await issuer.token(roles('publisher'));
    expect(await server.ask('GET', '/v1/clients', { token })).toMatchObject({ status: 200 });
    const added = await server.ask('POST', '/v1/config/cursor/default/draft/add', {
      token,
      body: { server_id: 'memory' },
    });
    expect(added.status).toBe(200);
    const { body } = await server.ask('GET', '/v1/changes?client_id=cursor');
    expect(body['changes']).toMatchObject([{ type: 'config.draft_changed', actor: 'oidc:ann' }]);
    expect((await server.ask('GET', '/v1/tokens', { token })).body).toMatchObject({ error: { code: 'FORBIDDEN' } });
    // RFC 9728: an MCP client finds out who makes such tokens.
    const metadata = await server.ask('GET', '/.well-known/oauth-protected-resource/mcp', { token: null });
    expect(metadata.body).toMatchObject({ resource: `${server.url}/mcp`, authorization_servers: [issuer.url] });
    const client = await listening(server.url, token);
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('publish_config');
    expect(server.output.stderr).not.toContain(token.split('.')[2]);
  });

  it('ends what it listens to over MCP when it expires', async () => {
    const { issuer, server } = await signingIn();
    const exp = Math.floor(Date.now() / 1000) - 2;
    const client = await listening(server.url, await issuer.token({ ...roles('viewer'), exp }));
    const subscription = await client.listen({ resourceSubscriptions: ['config://cursor/default/draft'] });
    expect(await subscription.closed).not.toBe('local');
  });

  it('listens for an hour at most, and then signs in anew: its key may have been withdrawn', async () => {
    let at = Date.now();
    const { app, server, issuer } = await judging({ now: () => new Date(at) });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const headers = { authorization: `Bearer ${await issuer.token({ ...roles('viewer'), exp: at / 1000 + 86_400 })}` };
    const stream = await openEvents(`${url}/v1/events`, headers);
    onTestFinished(() => stream.close());
    const change = (word: string) => callOn(app, 'set_draft_config', { client_id: word, payload: { mcpServers: {} } });
    at += 59 * 60_000;
    await change('cursor');
    await expect.poll(() => stream.events().length).toBe(1);
    at += 60_000;
    await change('vscode');
    await stream.ended;
    expect(stream.events()).toHaveLength(1);
    const again = await openEvents(`${url}/v1/events`, headers);
    expect(again.status).toBe(200);
    again.close();
  });

  it('gives the scopes of its roles, and nothing for what is no role', async () => {
    const { may } = await judging();
    const viewer = ['config:read', 'events:read'];
    expect(await may({})).toEqual({ actor: 'oidc:ann', kind: 'user', scopes: [], binding: {}, workspace: 'default' });
    expect((await may(roles('viewer'))).scopes).toEqual(viewer);
    expect((await may(roles('viewer', 'owner', 'constructor', '__proto__'))).scopes).toEqual(viewer);
    expect((await may(roles('deployer', 'approver'))).scopes).toEqual(
      ['config:approve', 'config:deploy', ...viewer].toSorted(),
    );
    expect((await may(roles('admin'))).scopes).toEqual([...SCOPES].toSorted());
    expect((await may({ roles: ['admin', 'mcp_orchestration:viewer', 7] })).scopes).toEqual(viewer);
    expect((await may({ roles: 'admin' })).scopes).toEqual([]);
    const agent = await may({ ...roles('admin'), mcp_orchestration_kind: 'agent' });
    expect([agent.kind, agent.scopes]).toEqual(['agent', ['config:read', 'config:write', 'events:read']]);
    expect((await may({ mcp_orchestration_workspace: 'team-a' })).workspace).toBe('team-a');
  });

  it('acts in a workspace that was made, and is refused for one that was not', async () => {
    const { app, issuer, get } = await judging();
    const token = await issuer.token({ ...roles('admin'), mcp_orchestration_workspace: 'team-a' });
    expect((await get(token)).status).toBe(401);
    await invoke(createWorkspace, app.localContext('cli'), { workspace: 'team-a' });
    const { workspaces } = JSON.parse((await get(token, '/v1/workspaces')).body);
    expect(workspaces).toMatchObject([{ workspace: 'team-a' }]);
  });

  it('has limits of its own in each workspace that it names', async () => {
    const callerOf = async (workspace: string) => ({
      workspace,
      until: Number.POSITIVE_INFINITY,
      principal: { actor: 'oidc:ann', kind: 'user' as const, scopes: new Set(SCOPES), binding: UNBOUND },
    });
    const { app, server } = await restInProcess({ rate_limit: 100, oidc: { issuer: 'https://issuer.test', callerOf } });
    await invoke(createWorkspace, app.localContext('cli'), { workspace: 'team-a' });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const open = async (workspace: string) => {
      const stream = await openEvents(`${url}/v1/events`, { authorization: `Bearer ${workspace}` });
      onTestFinished(() => stream.close());
      return stream.status;
    };
    for (let count = 0; count < 5; count += 1) expect(await open('default')).toBe(200);
    expect(await open('default')).toBe(429);
    expect(await open('team-a')).toBe(200);
    const left = async (workspace: string) =>
      (await fetch(`${url}/v1/clients`, { headers: { authorization: `Bearer ${workspace}` } })).headers.get(
        'ratelimit-remaining',
      );
    expect([await left('default'), await left('team-a')]).toEqual(['193', '198']);
  });

  it('is understood as the guide says', async () => {
    const { may } = await judging();
    const guide = readFileSync(join(ROOT, 'user-docs/how-to/sign-in-with-oidc.md'), 'utf8');
    const { iss: _issuer, ...claims } = JSON.parse(/^```json\n([\s\S]*?)^```/m.exec(guide)?.[1] ?? '');
    const { actor, kind, workspace, scopes } = await may(claims);
    expect([claims.aud, actor, kind, workspace]).toEqual([AUDIENCE, 'oidc:ann', 'user', 'default']);
    expect(scopes).toEqual(['config:publish', 'config:read', 'config:write', 'events:read']);
  });
});

describe('T24: a bearer that is not meant for this server', () => {
  it('gets the one refusal, to the byte, whatever is wrong with it', async () => {
    const { issuer, get, unexpected } = await judging();
    expect((await get(await issuer.token(roles('viewer')))).status).toBe(200);
    const now = Math.floor(Date.now() / 1000);
    const { privateKey: foreign } = await generateKeyPair('ES256');
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'ann', exp: now + 60, ...roles('admin') };
    const body = encode(claims);
    const publicKey = Buffer.from(await exportSPKI(rsa.publicKey));
    const jwk = JSON.stringify(issuer.keys[0]);
    const hmac = (key: Buffer | string, alg: string) => {
      const head = `${encode({ alg, kid: issuer.kid })}.${body}`;
      return `${head}.${createHmac('sha256', key).update(head).digest('base64url')}`;
    };
    const good = await issuer.token(roles('viewer'));
    const [head = '', , signature = ''] = good.split('.');
    const refused: Record<string, string> = {
      'another audience': await issuer.token({ aud: 'https://other.example' }),
      'an audience that begins like ours': await issuer.token({ aud: `${AUDIENCE}/` }),
      'no audience': await issuer.token({ aud: undefined }),
      'another issuer': await issuer.token({ iss: 'https://login.example' }),
      'the issuer with a slash': await issuer.token({ iss: `${issuer.url}/` }),
      'no issuer': await issuer.token({ iss: undefined }),
      expired: await issuer.token({ exp: now - 60 }),
      'no expiry': await issuer.token({ exp: undefined }),
      'an expiry that is a text': await issuer.token({ exp: '9999999999' as unknown as number }),
      'not valid yet': await issuer.token({ nbf: now + 60 }),
      'no subject': await issuer.token({ sub: undefined }),
      'an empty subject': await issuer.token({ sub: '' }),
      'a subject with a line end': await issuer.token({ sub: 'ann\nroot' }),
      'a subject that moves the cursor': await issuer.token({ sub: 'ann\u001b[2J' }),
      'a workspace that is none': await issuer.token({ mcp_orchestration_workspace: '../other' }),
      'roles that are no list': await issuer.token({ mcp_orchestration_roles: 'admin' }),
      'a kind that there is not': await issuer.token({ mcp_orchestration_kind: 'root' }),
      'the key of somebody else': await issuer.token({}, {}, foreign),
      'a key that nobody has': await issuer.token({}, { kid: 'no-such-key' }),
      'a key in its own header': await issuer.token({}, { jwk: issuer.keys[0] as never, kid: 'mine' }, foreign),
      'alg none': `${encode({ alg: 'none', kid: issuer.kid })}.${body}.`,
      'alg none in other letters': `${encode({ alg: 'nOnE' })}.${body}.`,
      'alg none with a signature': `${encode({ alg: 'none' })}.${body}.${signature}`,
      'HS256 with the public key': hmac(publicKey, 'HS256'),
      'HS256 with the text of the key': hmac(jwk, 'HS256'),
      'HS256 called ES256': hmac(jwk, 'ES256'),
      'RS256 with the id of an EC key': await issuer.token({}, { alg: 'RS256' }, rsa.privateKey),
      'an extension that has to be understood': `${encode({ alg: 'ES256', kid: issuer.kid, crit: ['x'], x: 1 })}.${body}.${signature}`,
      'the claims of another token': `${head}.${body}.${signature}`,
      'a signature cut short': good.slice(0, -4),
      'no signature': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'five parts': `${head}.${body}.${signature}.a.b`,
      'no JSON': 'a.b.c',
      'a word': 'word',
      'a token of ours that is unknown': 'mcpo_user_unknown',
    };
    const answers = Object.entries(refused).map(async ([what, token]) => {
      const { status, headers, body: text } = await get(token);
      const { request_id, timestamp } = JSON.parse(text).error;
      const shape = text.replace(request_id, '<id>').replace(timestamp, '<time>');
      return [what, status, codeIn(text), JSON.stringify([shape, headers['www-authenticate']])];
    });
    const seen = await Promise.all(answers);
    expect(seen.filter(([, status, code]) => status !== 401 || code !== 'INVALID_CREDENTIALS')).toEqual([]);
    expect(new Set(seen.map(([, , , shape]) => shape)).size).toBe(1);
    expect(unexpected).toEqual([]);
  });

  it('goes no further, as no credential does: what serves MCP is told who asks, and not by what', async () => {
    const seen: { headers: string[]; actor: string }[] = [];
    const mcp: McpDoor = {
      async fetch({ request, context: { principal } }) {
        seen.push({ headers: [...request.headers.keys()], actor: principal.actor });
        return Response.json({});
      },
      close: async () => undefined,
    };
    const { app, server } = await restInProcess({ mcp });
    const token = String((await invoke(generateToken, app.localContext('cli'), {}))['token']);
    for (const credential of [{ 'x-api-key': API_KEY }, { authorization: `Bearer ${token}` }]) {
      const headers = { host: 'localhost', 'content-type': 'application/json', 'x-other': 'x', ...credential };
      await server.inject({ method: 'POST', url: '/mcp', headers, payload: {} });
    }
    expect(seen).toMatchObject([{ actor: 'api-key' }, { actor: expect.stringMatching(/^token:tok_/) }]);
    for (const { headers } of seen) {
      expect(headers).toContain('x-other');
      expect(headers.filter((name) => ['authorization', 'x-api-key'].includes(name))).toEqual([]);
    }
  });

  it('is no JSON Web Token of anybody when no issuer is configured', async () => {
    const issuer = await startIssuer();
    const { server } = await restInProcess();
    const headers = { host: 'localhost', authorization: `Bearer ${await issuer.token(roles('admin'))}` };
    expect(codeIn((await server.inject({ url: '/v1/clients', headers })).body)).toBe('INVALID_CREDENTIALS');
    expect(issuer.asked).toEqual([]);
  });
});

it('in server mode the issuer is asked over https, and only when its certificate is trusted', async () => {
  const workspace = await testWorkspace();
  const certificate = makeCertificate(workspace.home, 'issuer');
  const issuer = await startIssuer(certificate);
  const start = async (env: Record<string, string>) => {
    const server = await startHttp(workspace, { env, args: ['--host', '127.0.0.2'] });
    return server.ask('GET', '/v1/clients', { token: await issuer.token(roles('viewer')) });
  };
  const settings = { MCP_ORCHESTRATION_OIDC_ISSUER: issuer.url, MCP_ORCHESTRATION_OIDC_AUDIENCE: AUDIENCE };
  expect((await start(settings)).status).toBe(503);
  expect(issuer.asked).toEqual([]);
  expect((await start({ ...settings, NODE_EXTRA_CA_CERTS: certificate.cert_path })).status).toBe(200);
});

it('an issuer that cannot be asked is told apart from a wrong token, and tokens of this server work all the same', async () => {
  const { issuer, get, ours } = await judging();
  issuer.answer = (request) => request.socket.destroy();
  const refused = await get(await issuer.token(roles('viewer')));
  expect([refused.status, codeIn(refused.body)]).toEqual([503, 'UNAVAILABLE']);
  expect((await get(await ours())).status).toBe(200);
});

it.each([
  ['without an audience', { OIDC_ISSUER: 'https://login.example' }, 'MCP_ORCHESTRATION_OIDC_AUDIENCE'],
  ['without an issuer', { OIDC_AUDIENCE: AUDIENCE }, 'MCP_ORCHESTRATION_OIDC_ISSUER'],
  ['http elsewhere', { OIDC_ISSUER: 'http://login.example', OIDC_AUDIENCE: AUDIENCE }, 'MCP_ORCHESTRATION_OIDC_ISSUER'],
  [
    'http in server mode',
    { OIDC_ISSUER: 'http://127.0.0.1:9', OIDC_AUDIENCE: AUDIENCE, HOST: '0.0.0.0' },
    'MCP_ORCHESTRATION_OIDC_ISSUER',
  ],
])('an issuer %s stops the start', async (_what, settings, named) => {
  const workspace = await testWorkspace();
  for (const [name, value] of Object.entries(settings)) workspace.env[`MCP_ORCHESTRATION_${name}`] = value;
  const { code, stderr } = await cliHere(workspace, 'serve-http', '--port', '0');
  expect([code, stderr]).toEqual([2, expect.stringContaining(`INVALID_INPUT: ${named}: `)]);
});
