import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { registryAt } from '../src/io/registry.ts';
import { targetRules } from '../src/main/compose.ts';
import { readConfig } from '../src/main/config.ts';
import { createClient, type McpOrchestration } from '../src/sdk/index.ts';
import { API_KEY, restInProcess, startRest } from './hostile/server.ts';
import { DOCUMENT, faultOf, JSON_TYPE, ROUTES, type Route, unlikeDocument } from './support/openapi.ts';
import { startRegistry } from './support/registry.ts';
import { openEvents } from './support/sse.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = { mcpServers: { memory: { command: 'node', args: ['one'] } } };
const named = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const);
/** The routes that are operations. */
const operations = named.filter(([, { path }]) => path.startsWith('/v1/') && path !== '/v1/events');

/** Method and path of each route in the tree that Fastify prints. */
function servedBy(tree: string): string[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, part = '', methods = ''] = /^([│ ]*)[├└]── (\S*)(?: \((.+)\))?/.exec(line) ?? [];
    if (indent === undefined) return [];
    const depth = indent.length / 4;
    parents[depth] = (parents[depth - 1] ?? '') + part;
    return methods.split(', ').flatMap((method) => (method === '' ? [] : [`${method} ${parents[depth]}`]));
  });
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate({ ...structuredClone(DOCUMENT) });
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, DOCUMENT.openapi]).toEqual([true, '3.1.0']);
  });

  it('describes every route that the server has', async () => {
    const rest = await startRest({ whole: true });
    const tree = rest.server.printRoutes({ commonPrefix: false });
    await rest.close();
    const known = new Set(ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`));
    const served = servedBy(tree).filter((name) => !/^(HEAD|OPTIONS) | \/docs(\/.+)?$|\*/.test(name));
    expect(served.filter((name) => !known.has(name))).toEqual([]);
    expect(served).toEqual(expect.arrayContaining(['GET /metrics', 'DELETE /mcp', 'GET /sse', 'GET /v1/clients']));
  });

  it('says of every error code what it means', () => {
    expect(DOCUMENT.components.examples['DRAFT_CHANGED']?.summary).toBe(
      'The draft is no longer the one that this change was made for.',
    );
  });

  it.each(named)('%s says what it is for and who may call it', (_name, route) => {
    expect(route.summary).toMatch(/./);
    expect(route.security ?? route['x-required-scopes']).toBeInstanceOf(Array);
    for (const [status, { description }] of Object.entries(route.responses)) expect(description, status).toMatch(/./);
  });

  it.each(named)('%s has an example of every answer, and each fits its schema', (_name, route) => {
    for (const [status, { content = {} }] of Object.entries(route.responses)) {
      const described = content[JSON_TYPE];
      if (!described || status === 'default') continue;
      const place = [
        'paths',
        route.path,
        route.method.toLowerCase(),
        'responses',
        status,
        'content',
        JSON_TYPE,
        'schema',
      ];
      const named = Object.values(described.examples ?? {}).map(
        ({ $ref = '' }) => DOCUMENT.components.examples[$ref.split('/').at(-1) ?? '']?.value,
      );
      const examples = 'example' in described ? [described.example] : named;
      expect(examples.length, status).toBeGreaterThan(0);
      for (const example of examples) expect(faultOf(example, ...place), status).toBeUndefined();
    }
  });

  it.each(named)(
    '%s has an example of every parameter and body that it needs, and each fits its schema',
    (_name, route) => {
      const place = ['paths', route.path, route.method.toLowerCase()];
      for (const [at, parameter] of (route.parameters ?? []).entries()) {
        if (parameter.required) expect(parameter.example, parameter.name).toBeDefined();
        if (parameter.example === undefined) continue;
        expect(faultOf(parameter.example, ...place, 'parameters', String(at), 'schema')).toBeUndefined();
      }
      const body = route.requestBody?.content[JSON_TYPE];
      if (body) expect(faultOf(body.example, ...place, 'requestBody', 'content', JSON_TYPE, 'schema')).toBeUndefined();
    },
  );
});

it('knows the answer about what protects `/mcp` also where tokens come from elsewhere', async () => {
  const oidc = { issuer: 'https://login.example', callerOf: () => Promise.reject(new Error('nobody asks')) };
  const { server } = await restInProcess({ whole: true, oidc });
  const [, route] = named.find(([name]) => name === 'GET /.well-known/oauth-protected-resource/mcp') ?? [];
  const {
    statusCode: status,
    body,
    headers,
  } = await server.inject({ url: route?.path ?? '', headers: { host: 'localhost' } });
  expect(body).toContain('"authorization_servers":["https://login.example"]');
  expect(unlikeDocument(route as Route, { status, body, type: String(headers['content-type']) })).toBeUndefined();
});

describe('the examples of the document', () => {
  let rest: Awaited<ReturnType<typeof startRest>>;
  let client: McpOrchestration;
  /** Ids that this server gave out, in place of those of the document. */
  const given: Record<string, string> = { url: 'https://198.41.0.4:8443/hook' };

  beforeAll(async () => {
    rest = await startRest({ whole: true });
    client = createClient({ url: await rest.server.listen({ host: '127.0.0.1', port: 0 }), apiKey: API_KEY });
    mkdirSync(join(rest.workspace.home, '.cursor'));
    await client.initializeKeys();
    given['artifact_id'] = (await client.publishConfig({ ...target, payload })).artifact_id;
    await client.deployConfig(target);
  }, 60_000);
  afterAll(() => rest.close());

  /** What has to be so before the example of an operation can be carried out. */
  const team = { client_id: 'cursor', profile_id: 'team-a' };
  const follower = { client_id: 'vscode', profile_id: 'default' };
  const hook = async () => {
    const events = ['config.published'] as ['config.published'];
    const { webhook_id } = await client.subscribeWebhook({ url: String(given['url']), events });
    given['webhook_id'] = webhook_id;
  };
  const BEFORE: Record<string, () => Promise<unknown>> = {
    create_profile: () => client.deleteProfile(team).catch(() => undefined),
    delete_profile: () => client.createProfile(team).catch(() => undefined),
    add_server_to_config: () => client.clearDraftConfig(target),
    remove_server_from_config: () => client.setDraftConfig({ ...target, payload }),
    publish_config: () => client.setDraftConfig({ ...target, payload }),
    validate_config: () => client.setDraftConfig({ ...target, payload }),
    batch: () => client.setDraftConfig({ ...target, payload }),
    link_profile: () => client.unlinkProfile(follower).catch(() => undefined),
    unlink_profile: () => client.linkProfile({ ...follower, source_client_id: 'cursor' }).catch(() => undefined),
    undo_deployment: () => client.deployConfig(target),
    import_config: () => client.deployConfig(target),
    'tokens.revoke': async () => {
      given['token_id'] = (await client.generateToken({ name: 'x' })).token_id;
    },
    fetch_catalog_server: async () => {
      const server = { name: 'com.example/weather', description: 'Forecasts', version: '1.2.0' };
      const registry = await startRegistry({ '/v0.1/servers/com.example%2Fweather/versions/1.2.0': { server } });
      onTestFinished(registry.close);
      const config = readConfig({ ...rest.workspace.env, ...registry.env });
      Object.assign(rest.app.services, { registry: registryAt(config.REGISTRY_URL ?? '', targetRules(config)) });
    },
    delete_webhook: hook,
    rotate_webhook_secret: hook,
    test_webhook: hook,
    list_webhook_deliveries: hook,
    replay_webhook_delivery: async () => {
      await hook();
      given['delivery_id'] = (await client.testWebhook({ webhook_id: String(given['webhook_id']) })).delivery_id;
    },
  };

  /** The request that the document shows, with `ids` in place of some of its values. */
  function requestOf(route: Route, ids: Record<string, string>) {
    const shownAs = (name: string, example: unknown) => String(ids[name] ?? example);
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
      const parameter = route.parameters?.find((known) => known.name === name);
      return encodeURIComponent(shownAs(name, parameter?.example));
    });
    const query = new URLSearchParams();
    for (const { in: where, name, example } of route.parameters ?? []) {
      if (where === 'query' && example !== undefined) query.set(name, shownAs(name, example));
    }
    const example = route.requestBody?.content[JSON_TYPE]?.example;
    const own = Array.isArray(example) ? example : { ...(example as object) };
    for (const name of Object.keys(own)) if (name in ids) Object.assign(own, { [name]: ids[name] });
    return { url: query.size > 0 ? `${path}?${query}` : path, body: example === undefined ? undefined : own };
  }

  type Sent = Pick<ReturnType<typeof requestOf>, 'url'> & { body?: object | undefined };
  async function send(route: Route, { url, body }: Sent, credential = true, headers: Record<string, string> = {}) {
    const answer = await rest.server.inject({
      method: route.method as 'GET',
      url,
      headers: { host: 'localhost', ...(credential && { 'x-api-key': API_KEY }), ...headers },
      ...(body !== undefined && { body }),
    });
    const type = String(answer.headers['content-type']);
    expect(unlikeDocument(route, { status: answer.statusCode, type, body: answer.body }), answer.body).toBeUndefined();
    return answer;
  }

  it.each(operations)('%s is carried out as it is shown', async (_name, route) => {
    await BEFORE[route.operationId ?? '']?.();
    const answer = await send(route, requestOf(route, given));
    expect(answer.statusCode, answer.body).toBeLessThan(300);
  });

  it.each(operations)('%s is refused as it is described', async (_name, route) => {
    const asked = requestOf(route, given);
    expect((await send(route, asked, false)).statusCode).toBe(401);
    expect(
      (await send(route, { ...asked, url: `${asked.url}${asked.url.includes('?') ? '&' : '?'}bogus=1` })).statusCode,
    ).toBe(400);
    const unknown = requestOf(route, { profile_id: 'none', client_id: 'none', server_id: 'none' });
    if (/\{\w+_id\}/.test(route.path)) expect((await send(route, unknown)).statusCode).toBe(404);
  });

  const pages = named.filter(([, { path }]) => !path.startsWith('/v1/'));
  const open = pages.filter(([, { security }]) => security !== undefined);
  it.each(open)('%s answers without credentials, as it is described', async (_name, route) => {
    expect((await send(route, requestOf(route, {}), false)).statusCode).toBe(200);
  });

  it.each(pages.filter((page) => !open.includes(page)))('%s is refused as it is described', async (_name, route) => {
    expect((await send(route, requestOf(route, {}), false)).statusCode).toBe(401);
  });

  it.each(pages)('%s is refused to another host, as it is described', async (_name, route) => {
    const { statusCode } = await send(route, requestOf(route, {}), true, { host: 'evil.example' });
    expect(statusCode).toBe(403);
  });

  const routeOf = (name: string) => named.find(([known]) => known === name)?.[1] as Route;
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1.0.0' } };
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };

  it('a session of MCP is opened and ended as it is described', async () => {
    const accept = { accept: 'application/json, text/event-stream' };
    const opened = await send(routeOf('POST /mcp'), { url: '/mcp', body: initialize }, true, accept);
    const session = { ...accept, 'mcp-session-id': String(opened.headers['mcp-session-id']) };
    const within = (method: string, body?: object) =>
      send(routeOf(`${method} /mcp`), { url: '/mcp', body }, true, session);
    expect([opened.statusCode, (await within('POST', ping)).statusCode]).toEqual([200, 200]);
    expect(
      (await send(routeOf('GET /mcp'), { url: '/mcp' }, true, { ...session, accept: 'text/html' })).statusCode,
    ).toBe(406);
    expect((await within('DELETE')).statusCode).toBe(200);
    for (const method of ['POST', 'GET', 'DELETE']) expect((await within(method, ping)).statusCode).toBe(404);
    expect((await send(routeOf('GET /mcp'), { url: '/mcp' })).statusCode).toBe(400);
    expect((await send(routeOf('POST /mcp'), { url: '/mcp' }, true, accept)).statusCode).toBe(415);
  });

  it('a session of HTTP+SSE takes messages as it is described, and metrics are text', async () => {
    const stream = await openEvents(`${rest.server.listeningOrigin}/sse`, { 'x-api-key': API_KEY });
    const [endpoint] = await stream.until(1);
    const messages = routeOf('POST /messages');
    expect((await send(messages, { url: String(endpoint?.data), body: ping })).statusCode).toBe(202);
    expect((await send(messages, { url: '/messages?sessionId=x', body: ping })).statusCode).toBe(404);
    expect((await send(routeOf('GET /metrics'), { url: '/metrics' })).statusCode).toBe(200);
    stream.close();
  });
});
