import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startCollector, traceparent } from './support/collector.ts';
import { BIN, cli, HELLO, run, startHttp, startLines, toolCall } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** Traces through every door, sent to a collector that is a server of this test. */

const idOf = (digit: number) => String(digit).repeat(32);
const PUBLISH = '/v1/config/cursor/dev/publish';
const payload = { mcpServers: { x: { command: 'npx', args: ['-y', 'a-package@1.0.0'] } } };

async function traced() {
  const workspace = await testWorkspace();
  const collector = await startCollector();
  workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
  return { workspace, collector };
}

test('a publish over REST is one trace of the caller, from the request over the operation down to the store', async () => {
  const { workspace, collector } = await traced();
  const server = await startHttp(workspace, { env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=abc' } });
  await server.ask('POST', '/v1/keys/initialize', { body: {} });
  const answer = await fetch(server.url + PUBLISH, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.token}`,
      'content-type': 'application/json',
      traceparent: traceparent(idOf(1)),
      tracestate: 'vendor=what-the-caller-wrote',
      'x-request-id': 'traced-request',
    },
    body: JSON.stringify({ payload }),
  });
  expect(answer.status).toBe(201);
  await server.stop();
  const tree = collector.tree(idOf(1));
  expect(tree.slice(0, 3)).toEqual([
    '0 POST /v1/config/:client_id/:profile_id/publish',
    '1 releases.publish',
    '2 store transaction',
  ]);
  expect(new Set(tree.slice(3))).toEqual(new Set(['3 store select', '3 store insert']));
  const attributes = collector.spans.find(({ name }) => name === 'releases.publish')?.attributes;
  expect(Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, value.stringValue]))).toEqual({
    'mcp_orchestration.operation': 'releases.publish',
    'mcp_orchestration.door': 'rest',
    'mcp_orchestration.request_id': 'traced-request',
    'mcp_orchestration.client_id': 'cursor',
    'mcp_orchestration.profile_id': 'dev',
  });
  expect(collector.text()).not.toContain('what-the-caller-wrote');
  expect(collector.text()).not.toContain('a-package');
  expect(collector.headers[0]?.['x-collector-key']).toBe('abc');
});

test('a tool that is called over HTTP is a part of the trace that its request names, or its message', async () => {
  const { workspace, collector } = await traced();
  const server = await startHttp(workspace);
  const call = (headers: Record<string, string>, _meta?: object) => {
    const { params, ...message } = toolCall(1, 'list_clients');
    return fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ ...message, params: { ...params, ...(_meta && { _meta }) } }),
    }).then((response) => response.text());
  };
  await call({ traceparent: traceparent(idOf(2)) });
  await call({}, { traceparent: traceparent(idOf(3)) });
  await server.stop();
  expect(collector.tree(idOf(2))).toEqual(
    expect.arrayContaining(['0 POST /mcp', '1 mcp list_clients', '2 clients.list']),
  );
  expect(collector.tree(idOf(3)).slice(0, 2)).toEqual(['0 mcp list_clients', '1 clients.list']);
});

test('a tool that is called over stdio is a part of the trace that its message names', async () => {
  const { workspace, collector } = await traced();
  const server = startLines(workspace, ['serve']);
  for (const message of HELLO) server.send(message);
  const { params, ...message } = toolCall(1, 'view_draft_config');
  server.send({ ...message, params: { ...params, _meta: { traceparent: traceparent(idOf(4)) } } });
  await server.answer(1);
  server.child.stdin?.end();
  expect(await server.ended).toEqual([0, null]);
  expect(collector.tree(idOf(4))).toEqual([
    '0 mcp view_draft_config',
    '1 drafts.view',
    ...collector.tree(idOf(4)).slice(2),
  ]);
  expect(collector.tree(idOf(4))).toContain('2 store select');
  for (const line of server.lines) expect(JSON.parse(line)).toHaveProperty('jsonrpc');
});

test('a command is a part of the trace that its environment names, and a refused one says with which code', async () => {
  const { workspace, collector } = await traced();
  workspace.env['TRACEPARENT'] = traceparent(idOf(5));
  expect(await cli(workspace, 'get-config', '--client', 'cursor')).toMatchObject({ code: 4 });
  expect(collector.tree(idOf(5)).slice(0, 2)).toEqual(['0 cli get-config', '1 releases.get']);
  const refused = collector.spans.find(({ name }) => name === 'releases.get');
  expect(refused?.attributes).toContainEqual({ key: 'error.type', value: { stringValue: 'CONFIG_NOT_FOUND' } });
});

test('a collector that is not there changes no answer, and holds up a command for seconds at most', async () => {
  const workspace = await testWorkspace();
  workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'http://127.0.0.1:9';
  const begun = performance.now();
  expect(await cli(workspace, 'list-profiles', 'cursor', '--json')).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - begun).toBeLessThan(8_000);
});

test('a collector that never comes to the end of its answer holds up a command for seconds at most', async () => {
  const workspace = await testWorkspace();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200);
    const more = setInterval(() => response.write(' '), 50);
    response.once('close', () => clearInterval(more));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const begun = performance.now();
  expect(await cli(workspace, 'list-profiles', 'cursor', '--json')).toMatchObject({ code: 0, stderr: '' });
  expect(performance.now() - begun).toBeLessThan(8_000);
});

test('an endpoint that is none is refused by its name', async () => {
  const workspace = await testWorkspace();
  workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = 'collector:4318';
  const { code, stderr } = await cli(workspace, 'list-profiles', 'cursor');
  expect([code, stderr]).toEqual([2, expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT')]);
});

/** Every module that a command loads, as Node names it. */
async function modulesOf(workspace: Workspace, ...args: string[]): Promise<string[]> {
  const place = mkdtempSync(join(workspace.home, 'seen-'));
  const [hook, seen] = [join(place, 'hook.mjs'), join(place, 'seen.txt')];
  writeFileSync(
    hook,
    `import { registerHooks } from 'node:module'; import { appendFileSync } from 'node:fs';
     registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(seen)}, url + '\\n'); return next(url, context); } });`,
  );
  const finished = await run(process.execPath, ['--import', pathToFileURL(hook).href, BIN, ...args], {
    env: workspace.env,
    cwd: workspace.home,
  });
  expect(finished.code, finished.stderr).toBe(0);
  return readFileSync(seen, 'utf8').trim().split('\n');
}

test('without configuration nothing of it is loaded, by a command or a server, and with it switched off nothing is sent', async () => {
  const { workspace, collector } = await traced();
  const isTelemetry = (url: string) => /opentelemetry|tracing/.test(url);
  const verb = ['list-profiles', 'cursor'];
  expect((await modulesOf(workspace, ...verb)).some(isTelemetry)).toBe(true);
  workspace.env['OTEL_SDK_DISABLED'] = 'true';
  const connections = collector.connections();
  expect((await modulesOf(workspace, ...verb)).filter((url) => url.includes('opentelemetry'))).toEqual([]);
  expect(collector.connections()).toBe(connections);
  delete workspace.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  delete workspace.env['OTEL_SDK_DISABLED'];
  expect(
    (await modulesOf(workspace, ...verb)).filter((url) => isTelemetry(url) || url.includes('prom-client')),
  ).toEqual([]);
  // Its input is empty: it ends at once.
  expect((await modulesOf(workspace, 'serve')).filter(isTelemetry)).toEqual([]);
});
