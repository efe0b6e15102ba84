import { expect, it } from 'vitest';
import { API_KEY, restInProcess } from './hostile/server.ts';

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
