import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { batchOf } from '../src/operations/batch.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { invoke, type Operation } from '../src/operations/operation.ts';
import { callOn } from './crash/invariants.ts';
import { operationOf } from './hostile/doors.ts';
import { API_KEY, codeIn, restInProcess } from './hostile/server.ts';
import { rowsIn } from './support/rows.ts';
import type { Workspace } from './support/workspace.ts';

/** Several operations in one request: each with its own scope and its own row, or all of them or none. */

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = { mcpServers: { one: { command: 'node', args: ['one'] } } };
const publish = { operation: 'publish', ...target, payload };

type Settings = Parameters<typeof restInProcess>[0];

async function served(settings: Settings = {}) {
  const rest = await restInProcess(settings);
  await callOn(rest.app, 'initialize_keys');
  const post = async (body: unknown, { query: asked = '', headers = {} as Record<string, string> } = {}) => {
    const answer = await rest.server.inject({
      method: 'POST',
      url: `/v1/config/batch${asked}`,
      headers: {
        host: 'localhost',
        'content-type': 'application/json',
        ...('authorization' in headers ? {} : { 'x-api-key': API_KEY }),
        ...headers,
      },
      body: JSON.stringify(body),
    });
    return { status: answer.statusCode, body: answer.json(), text: answer.body };
  };
  const tokenFor = async (input: object) => {
    const create = OPERATIONS.find(({ id }) => id === 'tokens.create');
    if (!create) throw new Error('no operation makes tokens');
    const { token } = await invoke(create, rest.app.localContext('cli'), input);
    return { headers: { authorization: `Bearer ${token}` } };
  };
  return { ...rest, post, tokenFor };
}

/** What the database holds of what was done. */
const kept = ({ env }: Pick<Workspace, 'env'>) =>
  Promise.all(
    ['drafts', 'releases', 'artifacts', 'profiles', 'audit', 'counters', 'keys'].map((table) =>
      rowsIn(env, `select * from ${table}`),
    ),
  );

const statuses = ({ body }: { body: { results: { status: number }[] } }) => body.results.map(({ status }) => status);

it('the body is a list and nothing else, and the other field stands in the query', async () => {
  const { post } = await served();
  expect(await post([publish])).toMatchObject({ status: 200, body: { succeeded: 1, failed: 0 } });
  for (const body of [{ items: [publish] }, {}, null, 'publish', 7]) {
    const { status, text } = await post(body);
    expect([status, codeIn(text)]).toEqual([400, 'INVALID_INPUT']);
  }
  expect(await post([publish], { query: '?atomic=maybe' })).toMatchObject({ status: 400 });
  expect(await post([publish], { query: '?bogus=1' })).toMatchObject({ status: 400 });
  expect(await post([publish], { query: '?atomic=true' })).toMatchObject({ status: 200 });
});

it('a hundred items are taken and one more is not', async () => {
  const { post } = await served();
  const many = Array.from({ length: 100 }, () => ({ operation: 'list_keys' }));
  expect(await post(many)).toMatchObject({ status: 200, body: { succeeded: 100 } });
  expect(await post([...many, publish])).toMatchObject({ status: 400, body: { error: { code: 'INVALID_INPUT' } } });
});

it('only that route takes a list', async () => {
  const { server } = await served();
  const headers = { host: 'localhost', 'x-api-key': API_KEY, 'content-type': 'application/json' };
  const answer = await server.inject({ method: 'POST', url: '/v1/config/diff', headers, body: '[]' });
  expect(codeIn(answer.body)).toBe('INVALID_INPUT');
});

it('every item needs its own scope, and its own kind of credential', async () => {
  const { post, tokenFor } = await served();
  const items = [
    { operation: 'view_draft_config', ...target },
    publish,
    { operation: 'deploy_configs', clients: ['cursor'] },
  ];
  const reader = await tokenFor({ scopes: ['config:read'] });
  const seen = await post(items, reader);
  expect(statuses(seen)).toEqual([200, 403, 403]);
  expect(seen.body.results[1].body.error).toMatchObject({ code: 'FORBIDDEN', details: { needs: 'config:publish' } });
  expect(await post(items.slice(0, 2), { ...reader, query: '?atomic=true' })).toMatchObject({
    status: 403,
    body: { error: { code: 'FORBIDDEN', details: { index: 1, needs: 'config:publish' } } },
  });
  expect(await post([], await tokenFor({ scopes: ['keys:admin'] }))).toMatchObject({ status: 403 });
  expect(statuses(await post(items, await tokenFor({ kind: 'agent' })))).toEqual([200, 403, 403]);
});

it('every change has its own audit row, with the request id of the batch', async () => {
  const { post, workspace } = await served();
  await post([{ operation: 'set_draft_config', ...target, payload }, publish, { operation: 'get_latest', ...target }], {
    headers: { 'x-request-id': 'my-batch' },
  });
  expect(
    await rowsIn(workspace.env, "select operation from audit where request_id = 'my-batch' order by number"),
  ).toEqual([{ operation: 'drafts.set' }, { operation: 'releases.publish' }]);
});

it('nothing is kept of an atomic batch that fails, neither rows nor audit', async () => {
  const { post, workspace } = await served();
  const before = await kept(workspace);
  const items = [
    { operation: 'create_profile', client_id: 'cursor', profile_id: 'team' },
    { operation: 'publish', client_id: 'cursor', profile_id: 'team', payload },
    { operation: 'view_draft_config', client_id: 'cursor', profile_id: 'team' },
    { operation: 'publish', ...target, payload: { mcpServers: { x: { command: '', args: [] } } } },
    publish,
  ];
  const { status, body } = await post(items, { query: '?atomic=true' });
  expect([status, body.error.code, body.error.details.index]).toEqual([422, 'VALIDATION_FAILED', 3]);
  expect(body.error.details.issues).toMatchObject([{ code: 'MISSING_COMMAND' }]);
  expect(await kept(workspace)).toEqual(before);
  expect(statuses(await post(items))).toEqual([201, 201, 200, 422, 201]);
});

it('an atomic batch says what cannot take part before anything runs, and each tool with a transaction of its own is that', async () => {
  const { post, workspace } = await served();
  const before = await kept(workspace);
  const own = OPERATIONS.filter(({ mcp, transaction }) => mcp?.tool && transaction === 'own').map(
    ({ mcp }) => mcp?.tool,
  );
  expect(own).toEqual(
    expect.arrayContaining(['deploy_config', 'import_config', 'undo_deployment', 'drift_status', 'batch']),
  );
  for (const operation of [...own, 'deploy', 'publsh', undefined]) {
    const { status, body } = await post([publish, { operation }], { query: '?atomic=true' });
    expect([operation, status, body.error.code, body.error.details.index]).toEqual([
      operation,
      400,
      'INVALID_INPUT',
      1,
    ]);
  }
  expect(await kept(workspace)).toEqual(before);
});

it('nobody waits for the lock of the store because an item of an atomic batch waits for news', async () => {
  const { app, post } = await served();
  const { next } = await callOn(app, 'list_changes');
  const waiting = post([{ operation: 'list_changes', since: next, wait: 3 }], { query: '?atomic=true' });
  await setTimeout(100);
  const before = performance.now();
  await callOn(app, 'create_profile', { client_id: 'cursor', profile_id: 'team-a' });
  expect(performance.now() - before).toBeLessThan(1500);
  expect((await waiting).body.error).toMatchObject({ code: 'INVALID_INPUT', details: { index: 0 } });
});

it('no item of a batch waits: what asks for it is told so, and the others run', async () => {
  const { app, post } = await served();
  const { next } = await callOn(app, 'list_changes');
  const item = { operation: 'list_changes', since: next };
  const before = performance.now();
  const seen = await post([
    { ...item, wait: 5 },
    { operation: 'list_changes', input: { since: next, wait: 5 } },
    { ...item, wait: 0 },
    item,
    { operation: 'validate', ...target },
  ]);
  expect(statuses(seen)).toEqual([400, 400, 200, 200, 200]);
  expect(seen.body.results[0].body.error).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'wait' } });
  expect(performance.now() - before).toBeLessThan(4_000);
});

it('deploying over HTTP is refused in a batch where it is refused alone', async () => {
  const { post } = await served({ mode: 'server', allow_http_deploy: false });
  const seen = await post([publish, { operation: 'deploy', ...target }]);
  expect(statuses(seen)).toEqual([201, 403]);
});

it('a fault of ours is told as one, in its row or as the whole, and shows nothing', async () => {
  const broken = {
    ...operationOf('get_latest'),
    run: () => Promise.reject(new Error('made-up inner words')),
  } as unknown as Operation;
  const { post, unexpected } = await served({ operations: [batchOf([broken, operationOf('publish_config')])] });
  const seen = await post([{ operation: 'get_latest', ...target }, publish]);
  expect(statuses(seen)).toEqual([500, 201]);
  expect(await post([{ operation: 'get_latest', ...target }], { query: '?atomic=true' })).toMatchObject({
    status: 500,
    body: { error: { code: 'INTERNAL_ERROR' } },
  });
  expect(seen.text).not.toContain('made-up');
  expect(unexpected).toHaveLength(2);
});

it('what stands in the place of a name and can be none is not told again', async () => {
  const { post } = await served();
  const { text } = await post([
    { operation: 'Made-Up 4711' },
    { operation: 'a'.repeat(65) },
    { operation: 'constructor' },
  ]);
  expect(text).not.toMatch(/Made-Up|aaaaa/);
  expect(JSON.parse(text).results.map(({ operation }: { operation: unknown }) => operation)).toEqual([
    null,
    null,
    'constructor',
  ]);
});
