import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { invoke, TOOLSETS } from '../../src/operations/operation.ts';
import { callOn } from '../crash/invariants.ts';
import { restInProcess } from '../hostile/server.ts';
import { openEvents } from '../support/sse.ts';

/** What a token sees and changes that is bound to a client or a profile: through every door nothing beyond it. */

const OWN = { client_id: 'cursor', profile_id: 'dev' };
const OTHER = { client_id: 'vscode', profile_id: 'prod' };
const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });

type Body = Record<string, unknown> & { error?: { code: string; details: Record<string, unknown> } };

async function served() {
  const mcp = mcpOverHttp(offerOf(OPERATIONS, { version: '0', toolsets: new Set(TOOLSETS) }), {
    now: () => new Date(),
  });
  const rest = await restInProcess({ mcp });
  const { app, server } = rest;
  await callOn(app, 'initialize_keys');
  const artifacts = [];
  for (const [target, word] of [
    [OWN, 'own'],
    [OTHER, 'other'],
  ] as const) {
    artifacts.push(String((await callOn(app, 'publish_config', { ...target, payload: payload(word) }))['artifact_id']));
  }
  const [own, other] = artifacts;
  const operation = (id: string) => {
    const found = OPERATIONS.find((known) => known.id === id);
    if (!found) throw new Error(`there is no operation ${id}`);
    return found;
  };
  const make = (input: object) => invoke(operation('tokens.create'), app.localContext('cli'), input);
  const tokenFor = async (input: object) => String((await make({ role: 'admin', ...input }))['token']);
  const ask = async (token: string, method: string, url: string, body?: object, headers: object = {}) => {
    const answer = await server.inject({
      method: method as 'GET',
      url,
      headers: { host: 'localhost', authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { payload: body }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() as Body };
  };
  return { ...rest, own: own ?? '', other: other ?? '', make, tokenFor, ask };
}

describe('a bound token', () => {
  it('reads and changes what is its own, and is refused the rest with what it is bound to', async () => {
    const { tokenFor, ask } = await served();
    const token = await tokenFor(OWN);
    expect((await ask(token, 'GET', '/v1/config/cursor/dev')).body).toMatchObject({ payload: payload('own') });
    expect((await ask(token, 'PUT', '/v1/config/cursor/dev/draft', { payload: payload('new') })).status).toBe(200);
    expect((await ask(token, 'POST', '/v1/config/cursor/dev/publish', {})).status).toBe(201);
    for (const path of ['cursor/prod', 'vscode/dev', 'vscode/prod', 'cursor/nowhere', 'nothing/dev']) {
      const refused = await ask(token, 'GET', `/v1/config/${path}`);
      expect([refused.status, refused.body.error?.details]).toEqual([403, { bound_to: OWN }]);
      expect((await ask(token, 'POST', `/v1/config/${path}/publish`, { payload: payload('evil') })).status).toBe(403);
    }
    const link = { source_client_id: 'vscode', source_profile_id: 'prod' };
    expect((await ask(token, 'POST', '/v1/config/cursor/dev/link', link)).status).toBe(403);
  });

  it('moves no servers behind a gateway whose draft is not its own', async () => {
    const { tokenFor, ask } = await served();
    const wish = { url: 'http://127.0.0.1:3000/mcp', servers_to: 'vscode' };
    const move = async (bound: object) =>
      (await ask(await tokenFor(bound), 'POST', '/v1/config/cursor/dev/draft/gateway', wish)).status;
    expect([await move(OWN), await move({ client_id: 'cursor' }), await move({ profile_id: 'dev' })]).toEqual([
      403, 403, 200,
    ]);
  });

  it('lists only what it reaches', async () => {
    const { tokenFor, ask, app } = await served();
    await callOn(app, 'create_profile', { client_id: 'cursor', profile_id: 'team' });
    const [both, client, profile] = [
      await tokenFor(OWN),
      await tokenFor({ client_id: 'cursor' }),
      await tokenFor({ profile_id: 'dev' }),
    ];
    const clients = async (token: string) =>
      (
        (await ask(token, 'GET', '/v1/clients')).body['clients'] as {
          client_id: string;
          available_profiles: string[];
        }[]
      ).map(({ client_id, available_profiles }) => `${client_id} ${available_profiles}`);
    expect(await clients(both)).toEqual(['cursor dev']);
    expect(await clients(client)).toEqual(['cursor default,dev,staging,prod,team']);
    expect(new Set((await clients(profile)).map((line) => line.split(' ')[1]))).toEqual(new Set(['dev']));
    const profiles = async (token: string, of = 'cursor') => {
      const { status, body } = await ask(token, 'GET', `/v1/clients/${of}/profiles`);
      return status === 200 ? (body['profiles'] as (typeof OWN)[]).map(({ profile_id }) => profile_id) : status;
    };
    expect(await profiles(both)).toEqual(['dev']);
    expect(await profiles(both, 'vscode')).toBe(403);
    expect(await profiles(profile, 'vscode')).toEqual(['dev']);
  });

  it('finds an artifact by its address only when a release of its own carries it', async () => {
    const { tokenFor, ask, app, own, other } = await served();
    const token = await tokenFor(OWN);
    await callOn(app, 'publish_config', { ...OTHER, payload: payload('own') });
    expect((await ask(token, 'GET', `/v1/artifacts/${own}`)).body['releases']).toEqual([{ ...OWN, sequence: 1 }]);
    const [foreign, none] = [
      await ask(token, 'GET', `/v1/artifacts/${other}`),
      await ask(token, 'GET', `/v1/artifacts/${'e'.repeat(64)}`),
    ];
    expect([foreign.status, foreign.body.error?.code]).toEqual([404, none.body.error?.code]);
    const compared = await ask(token, 'POST', '/v1/config/diff', { ...OWN, local_artifact_id: other });
    expect(compared.body).toMatchObject({ status: 'unknown', summary: { total_changes: 0 } });
    expect((await ask(token, 'GET', `/v1/config/cursor/dev?artifact_id=${other}`)).status).toBe(404);
    expect((await ask(token, 'POST', '/v1/config/cursor/dev/revert', { artifact_id: other })).status).toBe(404);
  });

  it('is not given the answer that was kept for another one, nor leaves its own to others', async () => {
    const { tokenFor, ask, own, app } = await served();
    await callOn(app, 'publish_config', { ...OTHER, payload: payload('own') });
    const tokens = [
      await tokenFor({}),
      await tokenFor(OWN),
      await tokenFor(OTHER),
      await tokenFor({ client_id: 'zed' }),
    ];
    const seen = async () => {
      const lines: string[] = [];
      for (const token of tokens) {
        const [clients, artifact, config] = [
          await ask(token, 'GET', '/v1/clients'),
          await ask(token, 'GET', `/v1/artifacts/${own}`),
          await ask(token, 'GET', '/v1/config/vscode/prod'),
        ];
        const releases = artifact.body['releases'] as { client_id: string }[] | undefined;
        lines.push(`${clients.body['count']} ${releases?.map(({ client_id }) => client_id)} ${config.status}`);
      }
      return lines;
    };
    const wanted = ['42 cursor,vscode 200', '1 cursor 403', '1 vscode 200', '1 undefined 403'];
    expect(await seen()).toEqual(wanted);
    expect(await seen()).toEqual(wanted);
    tokens.reverse();
    expect(await seen()).toEqual(wanted.toReversed());
  });

  it('is not told that an artifact is unchanged with the tag of what somebody else was shown', async () => {
    const { tokenFor, ask, own, app } = await served();
    await callOn(app, 'publish_config', { ...OTHER, payload: payload('own') });
    const url = `/v1/artifacts/${own}`;
    const { headers } = await ask(await tokenFor(OWN), 'GET', url);
    const shown = await ask(await tokenFor(OTHER), 'GET', url, undefined, { 'if-none-match': headers.etag });
    expect([shown.status, shown.body['releases']]).toEqual([200, [{ ...OTHER, sequence: 2 }]]);
  });

  it('repeats its own requests by an Idempotency-Key, never those of another one', async () => {
    const { tokenFor, ask } = await served();
    const [own, other] = [await tokenFor({ client_id: 'cursor' }), await tokenFor({ client_id: 'vscode' })];
    const headers = { 'idempotency-key': 'the-same' };
    const add = (token: string, client_id: string) =>
      ask(token, 'POST', `/v1/config/${client_id}/dev/draft/add`, { server_id: 'memory' }, headers);
    const first = await add(own, 'cursor');
    expect(first.status).toBe(200);
    expect((await add(other, 'cursor')).status).toBe(403);
    expect((await add(other, 'vscode')).body).toMatchObject({ status: 'added', server_count: 1 });
    const again = await add(own, 'cursor');
    expect([again.headers['idempotency-replayed'], again.body]).toEqual(['true', first.body]);
  });

  it('hears of what happens to its own, by polling', async () => {
    const { tokenFor, ask } = await served();
    const [client, both, none] = [
      await tokenFor({ client_id: 'cursor' }),
      await tokenFor(OTHER),
      await tokenFor({ client_id: 'zed' }),
    ];
    const heard = async (token: string, query = '') => {
      const { status, body } = await ask(token, 'GET', `/v1/changes${query}`);
      const changes = (body['changes'] ?? []) as { type: string; client_id: string }[];
      return status === 200 ? [...new Set(changes.map(({ client_id }) => client_id))] : status;
    };
    expect(await heard(client)).toEqual(['cursor']);
    expect(await heard(both)).toEqual(['vscode']);
    expect(await heard(none)).toEqual([]);
    // What is about no client is about more than its part.
    expect(await heard(client, '?types=token.created,key.rotated')).toEqual([]);
    expect(await heard(client, '?client_id=vscode')).toBe(403);
    expect(await heard(client, '?since=0000000000000001&profile_id=dev')).toEqual(['cursor']);
  });

  it('hears of what happens to its own on a stream, also of what it missed', async () => {
    const { tokenFor, app, server } = await served();
    const token = await tokenFor(OWN);
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const watch = async (query: string, seen?: string) => {
      const headers = { authorization: `Bearer ${token}`, ...(seen !== undefined && { 'last-event-id': seen }) };
      const source = await openEvents(`${url}/v1/events${query}`, headers);
      onTestFinished(() => source.close());
      return source;
    };
    const [live, missed, refused] = [
      await watch(''),
      await watch('', '0000000000000000'),
      await watch('?client_id=vscode'),
    ];
    expect(refused.status).toBe(403);
    await callOn(app, 'publish_config', { ...OTHER, payload: payload('secret') });
    await callOn(app, 'publish_config', { ...OWN, payload: payload('mine') });
    await Promise.all([live.until(2), missed.until(4)]);
    for (const { events, messages } of [
      { events: live.events(), messages: 2 },
      { events: missed.events(), messages: 4 },
    ]) {
      expect(events).toHaveLength(messages);
      for (const event of events) expect(event).toMatchObject(OWN);
    }
  });

  it('hears over MCP of its own resources only, reads no other ones, and has only its own names completed', async () => {
    const { make, tokenFor, app, server } = await served();
    await callOn(app, 'create_profile', { client_id: 'vscode', profile_id: 'secret' });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const [draft, foreign] = ['config://cursor/dev/draft', 'config://vscode/prod/draft'];
    const listening = async (token: string) => {
      const options = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const;
      const client = new Client({ name: 'test', version: '1.0.0' }, options);
      const requestInit = { headers: { authorization: `Bearer ${token}` } };
      await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit }));
      onTestFinished(() => client.close());
      const heard: string[] = [];
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
      await client.listen({ resourceSubscriptions: [draft, foreign] });
      return { client, heard };
    };
    const bound = await listening(await tokenFor(OWN));
    const unable = await listening(String((await make({ scopes: ['webhooks:admin'] }))['token']));
    const free = await listening(await tokenFor({}));
    for (const target of [OTHER, OWN]) await callOn(app, 'set_draft_config', { ...target, payload: payload('x') });
    await expect.poll(() => free.heard).toEqual([foreign, draft]);
    await expect.poll(() => bound.heard).toEqual([draft]);
    expect(unable.heard).toEqual([]);
    await expect(bound.client.readResource({ uri: foreign })).rejects.toThrow('bound to a part');
    const complete = async ({ client }: typeof bound, name: string, given: Record<string, string> = {}) => {
      const ref = { type: 'ref/resource' as const, uri: 'config://{client_id}/{profile_id}/draft' };
      const asked = { ref, argument: { name, value: '' }, context: { arguments: given } };
      return (await client.complete(asked)).completion.values;
    };
    expect(await complete(bound, 'client_id')).toEqual(['cursor']);
    expect(await complete(bound, 'profile_id')).toEqual(['dev']);
    expect(await complete(bound, 'profile_id', { client_id: 'vscode' })).toEqual([]);
    expect(await complete(free, 'profile_id', { client_id: 'vscode' })).toContain('secret');
    expect(await complete(unable, 'profile_id', { client_id: 'vscode' })).toEqual([]);
  });

  it('subscribes no webhook, lists none, and has none', async () => {
    const { tokenFor, ask } = await served();
    const token = await tokenFor(OWN);
    const hook = { url: 'https://198.41.0.4:8443/hook', events: ['config.published'] };
    expect((await ask(token, 'POST', '/v1/webhooks', hook)).status).toBe(403);
    expect((await ask(token, 'GET', '/v1/webhooks')).status).toBe(403);
  });

  it('does in a batch what it may do alone: each item by itself, and nothing of an atomic one', async () => {
    const { tokenFor, ask } = await served();
    const token = await tokenFor(OWN);
    const items = [
      { operation: 'set_draft_config', ...OWN, payload: payload('batch') },
      { operation: 'publish', ...OTHER, payload: payload('evil') },
      { operation: 'subscribe_webhook', url: 'https://198.41.0.4:8443/hook', events: ['key.rotated'] },
    ];
    const { body } = await ask(token, 'POST', '/v1/config/batch', items);
    expect((body['results'] as { status: number }[]).map(({ status }) => status)).toEqual([200, 403, 403]);
    const atomic = await ask(token, 'POST', '/v1/config/batch?atomic=true', [
      { operation: 'set_draft_config', ...OWN, payload: payload('atomic') },
      { operation: 'publish', ...OTHER, payload: payload('evil') },
    ]);
    expect([atomic.status, atomic.body.error?.details['index']]).toEqual([403, 1]);
    expect((await ask(token, 'GET', '/v1/config/cursor/dev/draft')).body['draft']).toEqual(payload('batch'));
  });

  it('sees and takes back only deployments of its own', async () => {
    const { tokenFor, ask, app, workspace } = await served();
    for (const directory of ['.cursor', '.config/Code/User'])
      mkdirSync(join(workspace.home, directory), { recursive: true });
    for (const target of [OWN, OTHER, OWN]) await callOn(app, 'deploy_config', target);
    const { deployments } = (await callOn(app, 'deployment_history', OTHER)) as {
      deployments: { deployment_id: string }[];
    };
    const [own, zed] = [await tokenFor(OWN), await tokenFor({ client_id: 'zed' })];
    const clientsIn = async (token: string, url: string, list: string) =>
      ((await ask(token, 'GET', url)).body[list] as { client_id: string }[]).map(({ client_id }) => client_id);
    expect(await clientsIn(own, '/v1/drift', 'deployments')).toEqual(['cursor']);
    expect(await clientsIn(zed, '/v1/drift', 'deployments')).toEqual([]);
    expect(await clientsIn(zed, '/v1/backups', 'backups')).toEqual([]);
    const undo = { deployment_id: deployments[0]?.deployment_id };
    expect((await ask(own, 'POST', '/v1/config/cursor/dev/undo', undo)).body.error?.code).toBe('DEPLOYMENT_NOT_FOUND');
    expect((await ask(own, 'POST', '/v1/config/vscode/prod/undo', undo)).status).toBe(403);
    expect((await ask(own, 'POST', '/v1/backups/prune', { client_id: 'cursor' })).status).toBe(403);
    expect((await ask(own, 'POST', '/v1/config/cursor/dev/import', {})).status).toBe(403);
  });

  it('makes, lists and revokes only tokens that are bound to no more than it', async () => {
    const { make, tokenFor, ask } = await served();
    const keeper = await tokenFor({ client_id: 'cursor' });
    const wide = String((await make({ role: 'viewer' }))['token_id']);
    const elsewhere = String((await make({ role: 'viewer', client_id: 'vscode' }))['token_id']);
    const inherited = await ask(keeper, 'POST', '/v1/tokens', { scopes: ['config:read'] });
    expect(inherited).toMatchObject({ status: 201, body: { client_id: 'cursor', profile_id: null } });
    const narrower = await ask(keeper, 'POST', '/v1/tokens', { scopes: ['config:read'], profile_id: 'dev' });
    expect(narrower.body).toMatchObject(OWN);
    expect((await ask(keeper, 'POST', '/v1/tokens', { scopes: ['config:read'], client_id: 'vscode' })).status).toBe(
      403,
    );
    const beyond = await ask(await tokenFor(OWN), 'POST', '/v1/tokens', {
      scopes: ['config:read'],
      profile_id: 'prod',
    });
    expect(beyond.status).toBe(403);
    const { body } = await ask(keeper, 'GET', '/v1/tokens');
    expect((body['tokens'] as (typeof OWN)[]).every(({ client_id }) => client_id === 'cursor')).toBe(true);
    for (const token_id of [wide, elsewhere, 'tok_none']) {
      expect((await ask(keeper, 'DELETE', `/v1/tokens/${token_id}`)).body.error?.code).toBe('TOKEN_NOT_FOUND');
    }
    expect((await ask(keeper, 'DELETE', `/v1/tokens/${narrower.body['token_id']}`)).status).toBe(200);
    expect((await ask(keeper, 'POST', '/v1/tokens', { scopes: ['config:read'], workspace: 'team' })).status).toBe(404);
  });

  it('pages through its own part, also with a cursor that a wider one was given', async () => {
    const { make, tokenFor, ask } = await served();
    for (const client_id of ['vscode', 'cursor', 'vscode', 'cursor', 'vscode'])
      await make({ role: 'viewer', client_id });
    const [wide, bound] = [await tokenFor({}), await tokenFor({ client_id: 'cursor' })];
    const page = async (token: string, cursor: unknown) => {
      const { body } = await ask(
        token,
        'GET',
        `/v1/tokens?limit=3${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`,
      );
      return {
        clients: (body['tokens'] as { client_id: string | null }[]).map(({ client_id }) => client_id),
        next: body['next_cursor'],
      };
    };
    const first = await page(wide, undefined);
    expect(first.clients).toEqual(['cursor', null, 'vscode']);
    expect((await page(bound, first.next)).clients).toEqual(['cursor', 'cursor']);
    expect(await page(bound, undefined)).toEqual({ clients: ['cursor', 'cursor', 'cursor'], next: null });
  });
});
