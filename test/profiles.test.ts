import { expect, it } from 'vitest';
import { callOn } from './crash/invariants.ts';
import { API_KEY, codeIn, restInProcess } from './hostile/server.ts';

const target = { client_id: 'cursor', profile_id: 'team-a' };
const path = '/v1/config/cursor/team-a/draft';

it('a profile that is made again shows nothing of its first draft, whose tag means nothing any more', async () => {
  const { app, server } = await restInProcess();
  const ask = async (method: 'GET' | 'DELETE', more: Record<string, string> = {}) => {
    const headers = { host: 'localhost', 'x-api-key': API_KEY, ...more };
    const { statusCode, headers: given, body } = await server.inject({ method, url: path, headers });
    return { status: statusCode, etag: String(given.etag), body };
  };
  const set = (name: string) =>
    callOn(app, 'set_draft_config', { ...target, payload: { mcpServers: { [name]: { command: 'node', args: [] } } } });
  await callOn(app, 'create_profile', target);
  await set('first');
  const { etag } = await ask('GET');
  await callOn(app, 'delete_profile', target);
  await callOn(app, 'create_profile', target);
  const empty = await ask('GET', { 'if-none-match': etag });
  expect([empty.status, JSON.parse(empty.body).draft]).toEqual([200, { mcpServers: {} }]);
  await set('second');
  const second = await ask('GET', { 'if-none-match': etag });
  expect([second.status, JSON.parse(second.body).servers]).toEqual([200, ['second']]);
  const refused = await ask('DELETE', { 'if-match': etag });
  expect([refused.status, codeIn(refused.body)]).toEqual([412, 'DRAFT_CHANGED']);
});
