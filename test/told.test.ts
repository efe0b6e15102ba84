import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { foundIn } from './hostile/traces.ts';
import { startCollector, traceparent } from './support/collector.ts';
import { openSession, subscribe } from './support/mcp-in-process.ts';
import { startHttp } from './support/process.ts';
import { openEvents } from './support/sse.ts';
import { testWorkspace } from './support/workspace.ts';

/** What a server tells about its requests, in its log, its metrics and its traces, and what it must not. */

/** Of a log line; the first four come from the logger. */
const FIELDS = ['level', 'time', 'msg', 'trace_id', 'request_id', 'method', 'route', 'status', 'duration_ms', 'actor'];

const linesOf = (stderr: string): Record<string, unknown>[] =>
  stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));

async function watched(level = 'info') {
  const workspace = await testWorkspace();
  const collector = await startCollector();
  workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
  workspace.env['MCP_ORCHESTRATION_RATE_LIMIT'] = 'off';
  const server = await startHttp(workspace, { args: ['--host', '127.0.0.2', '--log-level', level] });
  return { server, collector };
}

test('in server mode every request is one line of the log, with its trace, its route and who asked', async () => {
  const { server } = await watched();
  const traceId = 'abcdef0123456789'.repeat(2);
  await fetch(`${server.url}/v1/clients/cursor/profiles`, {
    headers: {
      authorization: `Bearer ${server.token}`,
      'x-request-id': 'asked-by-me',
      traceparent: traceparent(traceId),
    },
  });
  await fetch(`${server.url}/nowhere`);
  await server.stop();
  const requests = linesOf(server.output.stderr).filter(({ msg }) => msg === 'request');
  expect(requests).toEqual([
    {
      level: 30,
      time: expect.any(String),
      msg: 'request',
      trace_id: traceId,
      request_id: 'asked-by-me',
      method: 'GET',
      route: '/v1/clients/:client_id/profiles',
      status: 200,
      duration_ms: expect.any(Number),
      actor: expect.stringMatching(/^token:/),
    },
    expect.objectContaining({ route: 'none', status: 401, method: 'GET' }),
  ]);
});

/** What the log says of the requests so far, as `status route`. */
const told = (stderr: string) =>
  linesOf(stderr)
    .filter(({ msg }) => msg === 'request')
    .map(({ status, route }) => `${status} ${route}`);

test('a caller that is gone before its answer is told of as well, as 499, and so is a path that cannot be read', async () => {
  const { server, collector } = await watched();
  const headers = { authorization: `Bearer ${server.token}` };
  const { body } = await server.ask('GET', '/v1/changes');
  const traceId = '9876543210abcdef'.repeat(2);
  const poll = request(`${server.url}/v1/changes?since=${body['next']}&wait=30`, {
    headers: { ...headers, traceparent: traceparent(traceId) },
  });
  poll.on('error', () => undefined).end();
  await once(poll, 'finish');
  await server.ask('GET', '/health');
  poll.destroy();
  await expect.poll(() => told(server.output.stderr)).toContain('499 /v1/changes');
  const stream = await openEvents(`${server.url}/v1/events`, headers);
  stream.close();
  await expect.poll(() => told(server.output.stderr)).toContain('200 /v1/events');
  await fetch(`${server.url}/v1/servers/%zz`);
  const metrics = await (await fetch(`${server.url}/metrics`, { headers })).text();
  await server.stop();
  expect(told(server.output.stderr)).toEqual([
    '200 /v1/changes',
    '200 /health',
    '499 /v1/changes',
    '200 /v1/events',
    '400 none',
    '200 /metrics',
  ]);
  const requests = [...metrics.matchAll(/^\w+_http_request_duration_seconds_count\{(.*)\} ([1-9]\d*)$/gm)];
  expect(requests.map(([, labels, count]) => `${labels} ${count}`)).toEqual([
    'method="GET",route="/v1/changes",status="2xx" 1',
    'method="GET",route="/health",status="2xx" 1',
    'method="GET",route="/v1/changes",status="4xx" 1',
    'method="GET",route="none",status="4xx" 1',
  ]);
  expect(collector.tree(traceId)[0]).toBe('0 GET /v1/changes');
});

test('how long an MCP client listens is no time of an answer', async () => {
  const { server } = await watched();
  const headers = { authorization: `Bearer ${server.token}` };
  const { listen, end } = await openSession(`${server.url}/mcp`, headers);
  const stream = await listen();
  await end();
  await stream.ended;
  const subscription = await subscribe(`${server.url}/mcp`, headers);
  expect([stream.status, subscription.status]).toEqual([200, 200]);
  subscription.close();
  await expect.poll(() => told(server.output.stderr).length).toBe(5);
  const metrics = await (await fetch(`${server.url}/metrics`, { headers })).text();
  const counts = [...metrics.matchAll(/_count\{method="(\w+)",route="\/mcp",status="2xx"\} (\d+)$/gm)];
  // To open the session, and what a client says then.
  expect(counts.map(([, method, count]) => `${method} ${count}`)).toEqual(['POST 2', 'DELETE 1']);
});

/** Made up, from the number alone: ten of each kind. Put together here, so that no scanner takes this file for a leak. */
function planted(): string[] {
  const random = (number: number, length: number) =>
    createHash('sha512')
      .update(`planted ${number}`)
      .digest('base64')
      .replaceAll(/[^A-Za-z0-9]/g, '')
      .slice(0, length);
  return Array.from({ length: 40 }, (_, number) => {
    const kinds = [
      ['ghp', random(number, 36)].join('_'),
      ['mcpo_user', random(number, 49)].join('_'),
      ['xoxb', '215364758697', random(number, 24)].join('-'),
      random(number, 40),
    ];
    return String(kinds[number % kinds.length]);
  });
}

test('of forty secrets, sent in every part of a request, none gets into log, metrics or traces', async () => {
  const secrets = planted();
  expect(new Set(secrets).size).toBe(40);
  const { server, collector } = await watched('trace');
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
    fetch(server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${server.token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }).then((response) => response.text());
  const draft = '/v1/config/cursor/dev/draft';
  for (const secret of secrets) {
    const payload = { mcpServers: { x: { command: 'node', args: ['s.js'], env: { API_TOKEN: secret } } } };
    await Promise.all([
      ask('GET', '/v1/clients', { authorization: `Bearer ${secret}` }),
      ask('GET', '/v1/clients', { 'x-api-key': secret, authorization: '' }),
      ask('GET', `/v1/servers/${secret}?search_query=${secret}`, { tracestate: `vendor=${secret}` }),
      ask('GET', `/${secret}/${secret}`, { 'user-agent': secret, cookie: `session=${secret}`, traceparent: secret }),
      ask('PUT', draft, { 'idempotency-key': secret }, { payload }),
      ask('PUT', draft, {}, `{"payload": ${secret}`),
      ask('POST', '/v1/config/cursor/dev/publish', {}, { payload, changelog: secret }),
      ask('POST', '/v1/config/validate', {}, { client_id: secret, profile_id: 'dev', payload }),
      ask('POST', '/v1/webhooks', {}, { url: `https://me:${secret}@hooks.example/${secret}`, events: ['key.rotated'] }),
      ask(
        'POST',
        '/mcp',
        { accept: 'application/json, text/event-stream' },
        {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            name: 'add_server_to_config',
            arguments: { server_id: secret, params: { token: secret } },
            _meta: { traceparent: secret },
          },
        },
      ),
    ]);
  }
  const metrics = await ask('GET', '/metrics');
  await server.stop();
  expect(metrics).toContain('mcp_orchestration_http_request_duration_seconds_count');
  expect(collector.spans.length).toBeGreaterThan(400);
  const requests = linesOf(server.output.stderr).filter(({ msg }) => msg === 'request');
  expect(requests.length).toBeGreaterThanOrEqual(401);
  for (const line of requests) expect(FIELDS).toEqual(expect.arrayContaining(Object.keys(line)));
  expect(foundIn(server.output.stderr, secrets)).toEqual([]);
  expect(foundIn(metrics, secrets)).toEqual([]);
  expect(foundIn(collector.text(), secrets)).toEqual([]);
}, 30_000);
