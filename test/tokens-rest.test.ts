import { expect, it } from 'vitest';
import { restServer } from '../src/adapters/rest/server.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';

/** Tokens over HTTP: a token makes, lists and revokes tokens, and never more than it is itself. */

async function asking() {
  const { server } = await restInProcess();
  return async (method: 'GET' | 'POST' | 'DELETE', url: string, bearer?: string, body?: object) => {
    const credential = bearer === undefined ? { 'x-api-key': API_KEY } : { authorization: `Bearer ${bearer}` };
    const headers = { host: 'localhost', ...credential, ...(body && { 'content-type': 'application/json' }) };
    const answer = await server.inject({ method, url, headers, ...(body && { payload: body }) });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
}

it('a token is made, works at once, is listed without its text, and is none any more when it is revoked', async () => {
  const ask = await asking();
  const made = await ask('POST', '/v1/tokens', undefined, { name: 'ci', role: 'publisher', expires: '7d' });
  expect(made).toMatchObject({
    status: 201,
    headers: { 'cache-control': 'no-store' },
    body: { name: 'ci', kind: 'user' },
  });
  const { token, token_id } = made.body;
  expect((await ask('GET', '/v1/clients', token)).status).toBe(200);
  const listed = await ask('GET', '/v1/tokens');
  expect(listed.body.tokens).toMatchObject([{ token_id, name: 'ci', revoked_at: null }]);
  expect(JSON.stringify(listed.body)).not.toContain(token);
  expect((await ask('DELETE', `/v1/tokens/${token_id}`)).body).toEqual({ status: 'revoked', token_id });
  expect((await ask('GET', '/v1/clients', token)).body.error.code).toBe('INVALID_CREDENTIALS');
  expect((await ask('DELETE', '/v1/tokens/tok_none')).body.error.code).toBe('TOKEN_NOT_FOUND');
});

it('a cursor of another list, or of none, is refused by name', async () => {
  const ask = await asking();
  for (const cursor of ['zzz', Buffer.from('webhooks:1').toString('base64url')]) {
    const { status, body } = await ask('GET', `/v1/tokens?cursor=${cursor}`);
    expect([status, body.error.code, body.error.details.field]).toEqual([400, 'INVALID_INPUT', 'cursor']);
    expect(body.error.details.reason).toBe('it is not one that this list gave out');
  }
});

it('a token makes none that may do more than it, and an agent makes none at all', async () => {
  const ask = await asking();
  const make = async (body: object) => (await ask('POST', '/v1/tokens', undefined, body)).body.token;
  const keeper = await make({ scopes: ['tokens:admin', 'config:read'] });
  const beyond = await ask('POST', '/v1/tokens', keeper, { scopes: ['config:publish'] });
  expect([beyond.status, beyond.body.error.details.needs]).toEqual([403, 'config:publish']);
  expect((await ask('POST', '/v1/tokens', keeper, { scopes: ['config:read'] })).status).toBe(201);
  const agent = await make({ kind: 'agent', scopes: ['config:read', 'tokens:admin'] });
  expect((await ask('POST', '/v1/tokens', agent, {})).status).toBe(403);
  expect((await ask('GET', '/v1/tokens', agent)).status).toBe(403);
});

it('the answer with a new token is not kept for a repeated request', async () => {
  const ask = await asking();
  const { server } = await restInProcess();
  const headers = {
    host: 'localhost',
    'x-api-key': API_KEY,
    'content-type': 'application/json',
    'idempotency-key': 'once',
  };
  const post = () => server.inject({ method: 'POST', url: '/v1/tokens', headers, payload: { name: 'x' } });
  expect((await post()).statusCode).toBe(201);
  const again = await post();
  expect([again.statusCode, again.json().error.details.reason]).toEqual([409, 'answer_not_kept']);
  expect((await ask('GET', '/v1/tokens')).body.tokens).toEqual([]);
});

it('a token is an API key as well: in X-API-Key it is what it is as a bearer', async () => {
  const { server } = await restInProcess({ rate_limit: 1_000 });
  const get = async (headers: Record<string, string>, url = '/v1/tokens') => {
    const answer = await server.inject({ url, headers: { host: 'localhost', ...headers } });
    return { status: answer.statusCode, body: answer.json() };
  };
  const make = async (payload: object) => {
    const headers = { host: 'localhost', 'x-api-key': API_KEY };
    return (await server.inject({ method: 'POST', url: '/v1/tokens', headers, payload })).json();
  };
  const [{ token, token_id }, agent, bound] = [
    await make({ scopes: ['tokens:admin', 'config:read'] }),
    await make({ kind: 'agent', scopes: ['config:read'] }),
    await make({ scopes: ['config:read'], client_id: 'cursor', profile_id: 'dev' }),
  ];
  expect((await get({ 'x-api-key': token })).body.tokens).toHaveLength(3);
  expect((await get({ 'x-api-key': agent.token })).status).toBe(403);
  expect((await get({ 'x-api-key': bound.token }, '/v1/config/cursor/dev/draft')).status).toBe(200);
  expect((await get({ 'x-api-key': bound.token }, '/v1/config/cursor/prod/draft')).status).toBe(403);
  expect((await get({ 'x-api-key': API_KEY })).status, 'beside the key of the environment').toBe(200);
  expect((await get({ authorization: 'Bearer mcpo_user_wrong', 'x-api-key': token })).status).toBe(401);
  await server.inject({
    method: 'DELETE',
    url: `/v1/tokens/${token_id}`,
    headers: { host: 'localhost', 'x-api-key': API_KEY },
  });
  const wrong = [];
  for (let time = 0; time < 12; time += 1) {
    const name = time % 2 === 0 ? 'x-api-key' : 'authorization';
    wrong.push((await get({ [name]: name === 'x-api-key' ? token : `Bearer ${token}` })).status);
  }
  // One wrong bearer was sent before: guesses in both headers are counted together.
  expect(wrong).toEqual([...Array(9).fill(401), 429, 429, 429]);
});

it('a stored API key works where the environment has none, and its uses are counted', async () => {
  const { app, workspace } = await restInProcess();
  const { token, token_id } = await cliHereJson(workspace, 'generate-token', '--scope', 'tokens:admin');
  const settings = { operations: OPERATIONS, store: app.store, dataVersion: app.store.dataVersion };
  const server = await restServer({
    ...settings,
    services: app.services,
    api_key: undefined,
    cors_origins: new Set(),
    allowed_hosts: new Set(['localhost']),
    now: () => new Date(),
  });
  const get = (key: string) => server.inject({ url: '/v1/tokens', headers: { host: 'localhost', 'x-api-key': key } });
  expect((await get(String(token))).statusCode).toBe(200);
  expect((await get('')).statusCode).toBe(401);
  expect((await get('undefined')).statusCode).toBe(401);
  await server.close();
  const { rows } = await app.store.tokens.list('default', { limit: 5 });
  expect(rows).toMatchObject([{ token_id, use_count: 1, last_used_at: expect.any(String) }]);
});

it('on the command line nothing is bound that was not named', async () => {
  const { workspace } = await restInProcess();
  const made = (...flags: string[]) => cliHereJson(workspace, 'generate-token', ...flags);
  expect(await made()).toMatchObject({ client_id: null, profile_id: null, workspace: 'default' });
  expect(await made('--client', 'cursor')).toMatchObject({ client_id: 'cursor', profile_id: null });
  expect(await made('--profile', 'dev')).toMatchObject({ client_id: null, profile_id: 'dev' });
  const codes = [];
  for (const flags of [
    ['--client', 'cursr'],
    ['--client', 'cursor', '--profile', 'nowhere'],
  ]) {
    codes.push(
      ((await cliHere(workspace, 'generate-token', ...flags, '--json')).json() as { error: { code: string } }).error
        .code,
    );
  }
  expect(codes).toEqual(['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND']);
  const { stdout } = await cliHere(workspace, 'list-tokens');
  for (const place of ['cursor/*', '*/dev']) expect(stdout).toContain(place);
});
