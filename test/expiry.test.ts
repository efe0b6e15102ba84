import { expect, it } from 'vitest';
import { call } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { testWorkspace } from './support/workspace.ts';

/** A release that somebody published for a while only. */

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = { mcpServers: { one: { command: 'node', args: ['one'] } } };
const NOON = '2099-01-01T12:00:00.000Z';

it('a release with an end is served until then and refused afterwards, and a release without one follows it', async () => {
  let at = new Date();
  const { server, workspace } = await restInProcess({ now: () => at });
  await call(workspace, 'initialize_keys');
  const ask = async (method: 'GET' | 'POST', path = '', body?: object) => {
    const headers = { host: 'localhost', 'x-api-key': API_KEY };
    const answer = await server.inject({
      method,
      url: `/v1/config/cursor/default${path}`,
      headers,
      ...(body && { body }),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  const published = await ask('POST', '/publish', { payload, expires_at: NOON });
  expect(published).toMatchObject({ status: 201, body: { sequence: 1 } });
  expect(await ask('GET')).toMatchObject({ status: 200, body: { expires_at: NOON } });
  const again = await ask('POST', '/publish', { payload, expires_at: NOON });
  expect(again).toMatchObject({ status: 200, body: { status: 'unchanged', sequence: 1 } });

  at = new Date('2099-01-01T12:06:00.000Z');
  expect(await ask('GET')).toMatchObject({
    status: 422,
    body: { error: { code: 'SIGNATURE_INVALID', details: { reason: 'expired' } } },
  });
  expect(await ask('POST', '/publish', { payload })).toMatchObject({ status: 201, body: { sequence: 2 } });
  expect(await ask('GET')).toMatchObject({ status: 200, body: { expires_at: null, sequence: 2 } });
});

it('an end that has passed is refused, and nothing is published', async () => {
  const workspace = await testWorkspace();
  await cliHereJson(workspace, 'initialize-keys');
  await cliHereJson(workspace, 'add-server', 'memory', '--client', 'cursor');
  const past = '2020-01-01T00:00:00.000Z';
  const refused = await cliHere(workspace, 'publish-config', '--client', 'cursor', '--expires-at', past, '--json');
  expect(refused.code).toBe(2);
  expect(refused.json()).toMatchObject({ error: { code: 'INVALID_INPUT', details: { field: 'expires_at' } } });
  expect(await cliHereJson(workspace, 'history', '--client', 'cursor')).toMatchObject({ releases: [] });
});

it('a profile that follows another one gets the same end, when it begins to follow and with every release', async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload, expires_at: NOON });
  const follower = { client_id: 'vscode', profile_id: 'default' };
  await call(workspace, 'link_profile', { ...follower, source_client_id: 'cursor' });
  expect(await call(workspace, 'get_config', follower)).toMatchObject({ sequence: 1, expires_at: NOON });
  await call(workspace, 'publish_config', { ...target, payload });
  expect(await call(workspace, 'get_config', follower)).toMatchObject({ sequence: 2, expires_at: null });
});
