import autocannon from 'autocannon';
import { expect, it } from 'vitest';
import { call } from './crash/invariants.ts';
import { startHttp } from './support/process.ts';
import { testWorkspace } from './support/workspace.ts';

const LONG = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const SECONDS = LONG ? 60 : 4;

it('100 clients that read, draft and publish at once get no error, and a configuration within 300 ms', {
  timeout: 90_000,
}, async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { payload: { mcpServers: { one: { command: 'node', args: ['1'] } } } });
  const server = await startHttp(workspace);
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  let made = 0;
  const draft = () => {
    made += 1;
    return JSON.stringify({ payload: { mcpServers: { one: { command: 'node', args: [String(made)] } } } });
  };
  const read = (path: string) => ({ method: 'GET' as const, path, headers });
  const changes = {
    method: 'PUT' as const,
    path: '/v1/config/cursor/dev/draft',
    headers,
    setupRequest: (request: autocannon.Request) => ({ ...request, body: draft() }),
  };
  const config = '/v1/config/claude-desktop/default';
  const requests: autocannon.Request[] = [
    ...[config, '/v1/clients', config, '/v1/servers', config, `${config}/latest`].map(read),
    read('/v1/config/cursor/dev/draft'),
    changes as autocannon.Request,
    { ...changes, method: 'POST', path: '/v1/config/cursor/dev/publish' } as autocannon.Request,
  ];
  const all = { url: server.url, connections: 90, duration: SECONDS, requests };
  const alone = { url: server.url, connections: 10, duration: SECONDS, requests: [read(config)] };
  // A server that has answered nothing yet has not compiled most of itself.
  await autocannon({ ...all, duration: 1 });
  const [mixed, configs] = await Promise.all([autocannon(all), autocannon(alone)]);
  for (const { errors, timeouts, non2xx } of [mixed, configs]) expect([errors, timeouts, non2xx]).toEqual([0, 0, 0]);
  const told = ({ latency, requests: { total } }: autocannon.Result) =>
    `${total} answers, p50 ${latency.p50} ms, p97.5 ${latency.p97_5} ms, p99 ${latency.p99} ms`;
  process.stdout.write(`mixed: ${told(mixed)}; configurations: ${told(configs)}\n`);
  expect(configs.requests.total, 'nobody is kept waiting by those who write').toBeGreaterThan(100);
  expect(configs.latency.p97_5).toBeLessThan(300);
  expect((await server.stop()).code).toBe(0);
});
