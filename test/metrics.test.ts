import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { IDLE_SOURCES } from '../scripts/reference/metrics.ts';
import { EVENT_TYPES } from '../src/core/event.ts';
import { READINESS_REASONS } from '../src/main/readiness.ts';
import { openMetrics } from '../src/main/telemetry/metrics.ts';
import { VERSION } from '../src/main/version.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { cliJson, type HttpServer, startHttp } from './support/process.ts';
import { broken, receiver as startReceiver } from './support/receivers.ts';
import { openEvents } from './support/sse.ts';
import { IN_FILE } from './support/store-under-test.ts';
import { testWorkspace } from './support/workspace.ts';

/** `GET /metrics` as Prometheus asks for it. */

async function scrape(server: HttpServer): Promise<Map<string, number>> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${server.token}` } });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const LATEST = 'mcp_orchestration_event_latest_timestamp_seconds{type="config.published"}';
const DRIFTING = 'mcp_orchestration_drifting_profiles';
const FAILED = 'mcp_orchestration_webhook_attempts_total{outcome="failed"}';
const NODE = { command: 'node', args: ['server.js'] };
const DRAFT = '/v1/config/cursor/dev/draft';
const draft = { payload: { mcpServers: { x: { command: 'npx', args: ['-y', 'unpinned'] } } } };

test('need a credential with metrics:read, in local mode as well', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const tokenWith = async (...what: string[]) => String((await cliJson(workspace, 'generate-token', ...what))['token']);
  const statusFor = async (token: string | null) =>
    (await fetch(`${server.url}/metrics`, token === null ? {} : { headers: { authorization: `Bearer ${token}` } }))
      .status;
  expect(await statusFor(null)).toBe(401);
  expect(await server.ask('GET', '/metrics', { token: await tokenWith('--role', 'auditor') })).toMatchObject({
    status: 403,
    body: { error: { code: 'FORBIDDEN', details: { needs: 'metrics:read' } } },
  });
  expect(await statusFor(await tokenWith('--scope', 'metrics:read'))).toBe(200);
});

test('count requests by route and status class, operations by door and outcome, and what the product is about', async () => {
  const server = await startHttp(await testWorkspace());
  await server.ask('PUT', DRAFT, { body: draft });
  await server.ask('POST', '/v1/keys/initialize', { body: {} });
  await server.ask('POST', '/v1/config/cursor/dev/publish', { body: {} });
  for (const _ of [1, 2, 3]) await server.ask('GET', '/v1/config/cursor/dev');
  await server.ask('GET', '/v1/config/cursor/prod');
  await server.ask('GET', DRAFT, { token: null });
  const stream = await openEvents(`${server.url}/v1/events`, { authorization: `Bearer ${server.token}` });
  const found = await scrape(server);
  const requests = (labels: string) => found.get(`mcp_orchestration_http_request_duration_seconds_count{${labels}}`);
  const operations = (labels: string) => found.get(`mcp_orchestration_operation_duration_seconds_count{${labels}}`);
  const config = 'method="GET",route="/v1/config/:client_id/:profile_id"';
  expect(requests(`${config},status="2xx"`)).toBe(3);
  expect(requests(`${config},status="4xx"`)).toBe(1);
  expect(requests('method="GET",route="/v1/config/:client_id/:profile_id/draft",status="4xx"')).toBe(1);
  expect(operations('operation="releases.publish",door="rest",outcome="ok"')).toBe(1);
  expect(operations('operation="releases.get",door="rest",outcome="CONFIG_NOT_FOUND"')).toBe(1);
  // The second and third were kept.
  expect(operations('operation="releases.get",door="rest",outcome="ok"')).toBe(1);
  expect(found.get('mcp_orchestration_cache_hits_total{cache="answers"}')).toBe(2);
  expect(found.get('mcp_orchestration_cache_hits_total{cache="tokens"}')).toBeGreaterThan(0);
  expect(found.get('mcp_orchestration_signature_duration_seconds_count')).toBe(1);
  expect(found.get('mcp_orchestration_validation_findings_total{code="UNPINNED_PACKAGE",severity="warning"}')).toBe(1);
  expect(found.get('mcp_orchestration_store_transaction_duration_seconds_count{outcome="commit"}')).toBeGreaterThan(2);
  expect(found.get('mcp_orchestration_store_commits_total')).toBeGreaterThan(2);
  expect(found.get('mcp_orchestration_store_busy_retries_total')).toBe(0);
  expect(found.get('mcp_orchestration_event_stream_subscribers')).toBe(1);
  expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(found.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
  stream.close();
  await stream.ended;
  await expect.poll(async () => (await scrape(server)).get('mcp_orchestration_event_stream_subscribers')).toBe(0);
});

test('say how long the oldest event waits for a webhook that does not answer', async () => {
  const receiver = await startReceiver(broken);
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_WEBHOOK_ALLOW: receiver.place } });
  await server.ask('POST', '/v1/webhooks', { body: { url: receiver.url, events: ['config.draft_changed'] } });
  await server.ask('PUT', DRAFT, { body: draft });
  await receiver.until(1);
  const found = await scrape(server);
  expect(found.get('mcp_orchestration_webhook_deliveries{status="pending"}')).toBe(1);
  expect(found.get('mcp_orchestration_webhook_deliveries{status="parked"}')).toBe(0);
  expect(found.get('mcp_orchestration_webhook_oldest_pending_seconds')).toBeGreaterThan(0);
  await expect.poll(async () => (await scrape(server)).get(FAILED)).toBe(1);
  expect((await scrape(server)).get('mcp_orchestration_webhook_attempts_total{outcome="delivered"}')).toBe(0);
});

test('tell what other processes on the same store did: releases, deployments, drift', async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const events = async (type: string) =>
    (await scrape(server)).get(`mcp_orchestration_events_total{type="config.${type}"}`);
  expect(await events('published')).toBe(0);
  await cliJson(workspace, 'initialize-keys');
  await server.ask('PUT', '/v1/config/cursor/default/draft', { body: { payload: { mcpServers: { x: NODE } } } });
  await cliJson(workspace, 'publish-config', '--client', 'cursor');
  await cliJson(workspace, 'deploy-config', '--client', 'cursor');
  expect([await events('published'), await events('deployed')]).toEqual([1, 1]);
  const told = await scrape(server);
  const age = Date.now() / 1000 - Number(told.get(LATEST));
  expect(age).toBeGreaterThan(0);
  expect(age).toBeLessThan(60);
  expect(told.get('mcp_orchestration_keys{status="active"}')).toBe(1);
  const file = join(workspace.home, '.cursor/mcp.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('node', 'deno'));
  expect(told.get(DRIFTING)).toBe(0);
  await cliJson(workspace, 'drift-status');
  expect((await scrape(server)).get(DRIFTING)).toBe(1);
  await cliJson(workspace, 'deploy-config', '--client', 'cursor', '--on-drift', 'overwrite');
  expect((await scrape(server)).get(DRIFTING)).toBe(0);
});

test('say why a server is not ready, and count what its store refuses', async (context) => {
  if (!IN_FILE) context.skip('it locks the file of SQLite');
  const workspace = await testWorkspace();
  const server = await startHttp(workspace);
  const locker = new DatabaseSync(join(workspace.data_dir, 'state.db'));
  expect((await scrape(server)).get('mcp_orchestration_ready')).toBe(1);
  locker.exec('begin immediate');
  await server.ask('PUT', DRAFT, { body: draft });
  const found = await scrape(server);
  locker.exec('rollback');
  locker.close();
  expect(found.get('mcp_orchestration_ready')).toBe(0);
  expect(found.get('mcp_orchestration_not_ready{reason="store_locked"}')).toBe(1);
  expect(found.get('mcp_orchestration_not_ready{reason="disk_full"}')).toBe(0);
  expect(found.get('mcp_orchestration_store_errors_total{reason="store_locked"}')).toBe(1);
});

test('repeat nothing that a caller wrote: methods, routes, codes and names are those of the product', async () => {
  const server = await startHttp(await testWorkspace());
  const marks = ['hostile-"}\n1', 'a'.repeat(60), 'x{y="z"}', 'mark.me', '../../mark'];
  for (const mark of marks) {
    const word = encodeURIComponent(mark);
    await server.ask('GET', `/v1/config/${word}/${word}`);
    await server.ask('GET', `/${word}?${word}=${word}`, { token: null });
    await server.ask('PUT', DRAFT, { body: { payload: { mcpServers: { [mark]: { command: mark, env: { A: 1 } } } } } });
    await server.ask('POST', '/v1/config/cursor/dev/validate', { body: {} });
    await server.ask('POST', '/v1/config/validate', {
      body: { client_id: 'mark.me', profile_id: 'dev', payload: { mcpServers: {} } },
    });
    await fetch(`${server.url}/v1/clients`, { method: 'PROPFIND', headers: { 'x-request-id': 'mark.me' } });
  }
  const found = await scrape(server);
  const own = [...found.keys()].filter((name) => name.startsWith('mcp_orchestration_'));
  const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'other']);
  const routes = new Set([
    'none',
    '/metrics',
    '/health',
    '/healthz',
    '/readyz',
    ...OPERATIONS.flatMap(({ rest }) => (rest ? [rest.path.replaceAll(/\{(\w+)\}/g, ':$1')] : [])),
  ]);
  const sets: Record<string, (value: string) => boolean> = {
    method: (value) => methods.has(value),
    route: (value) => routes.has(value),
    status: (value) => /^([1-5]xx|pending|parked|active|retired|revoked)$/.test(value),
    operation: (value) => OPERATIONS.some(({ id }) => id === value),
    door: (value) => ['cli', 'mcp', 'rest'].includes(value),
    outcome: (value) => /^(ok|commit|rollback|delivered|failed|parked|[A-Z_]+)$/.test(value),
    type: (value) => EVENT_TYPES.some((type) => type === value),
    reason: (value) => READINESS_REASONS.includes(value),
    file: (value) => ['database', 'log'].includes(value),
    key_id: (value) => /^[0-9a-f]{64}$/.test(value),
    version: (value) => value === VERSION,
    mode: (value) => ['local', 'server'].includes(value),
    code: (value) => /^[A-Z_]+$/.test(value),
    severity: (value) => ['error', 'warning'].includes(value),
    cache: (value) => ['answers', 'tokens', 'artifacts'].includes(value),
    le: (value) => value === '+Inf' || Number(value) > 0,
  };
  for (const name of own) {
    for (const [, label = '', value = ''] of name.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      expect([name, sets[label]?.(value)]).toEqual([name, true]);
    }
  }
});

test('are defined with a meaning each, and names that do not change', async () => {
  const metrics = openMetrics();
  metrics.page(IDLE_SOURCES);
  const own = (await metrics.definitions()).filter(({ name }) => name.startsWith('mcp_orchestration_'));
  expect(own.map(({ name, type, labels }) => [name, type, ...labels].join(' ')).toSorted()).toEqual([
    'mcp_orchestration_build_info gauge version mode',
    'mcp_orchestration_cache_hits_total counter cache',
    'mcp_orchestration_cache_misses_total counter cache',
    'mcp_orchestration_clock_seconds gauge',
    'mcp_orchestration_disk_free_bytes gauge',
    'mcp_orchestration_disk_size_bytes gauge',
    'mcp_orchestration_drifting_profiles gauge',
    'mcp_orchestration_event_latest_timestamp_seconds gauge type',
    'mcp_orchestration_event_stream_subscribers gauge',
    'mcp_orchestration_events_total counter type',
    'mcp_orchestration_http_request_duration_seconds histogram method route status',
    'mcp_orchestration_keys gauge status',
    'mcp_orchestration_not_ready gauge reason',
    'mcp_orchestration_operation_duration_seconds histogram operation door outcome',
    'mcp_orchestration_pointer_soonest_expiry_timestamp_seconds gauge',
    'mcp_orchestration_pointers gauge',
    'mcp_orchestration_ready gauge',
    'mcp_orchestration_redis_up gauge',
    'mcp_orchestration_signature_duration_seconds histogram',
    'mcp_orchestration_signing_key_created_timestamp_seconds gauge',
    'mcp_orchestration_signing_key_info gauge key_id',
    'mcp_orchestration_store_busy_retries_total counter',
    'mcp_orchestration_store_commits_total counter',
    'mcp_orchestration_store_errors_total counter reason',
    'mcp_orchestration_store_file_bytes gauge file',
    'mcp_orchestration_store_hears_changes gauge',
    'mcp_orchestration_store_transaction_duration_seconds histogram outcome',
    'mcp_orchestration_validation_findings_total counter code severity',
    'mcp_orchestration_webhook_attempts_total counter outcome',
    'mcp_orchestration_webhook_deliveries gauge status',
    'mcp_orchestration_webhook_oldest_pending_seconds gauge',
  ]);
  for (const { help } of own) expect(help).toMatch(/^.{20,}\.$/);
});
