import { expect, it } from 'vitest';
import { freePort } from '../../support/listen.ts';
import { BIN, cliJson, startHttp } from '../../support/process.ts';
import { testWorkspace, type Workspace } from '../../support/workspace.ts';
import { inspect, PROGRAMS, startGateway, toolsOf } from './programs.ts';

/** supergateway 4.0.0 and mcp-proxy 6.7.19, which carry one server from one transport to another. */

const OURS = [process.execPath, BIN, 'serve'];

/** Through the gateway a tool that writes does write. */
async function addsServer(place: Workspace, ...line: string[]): Promise<void> {
  const call = ['--tool-name', 'add_server_to_config', '--tool-args-json', '{"server_id":"memory"}'];
  const result = await inspect(place, 'tools/call', ...line, ...call);
  expect(result).toMatchObject({ structuredContent: { status: 'added', server_name: 'memory' } });
  expect(await cliJson(place, 'view-draft')).toMatchObject({ servers: ['memory'] });
}

it('supergateway carries our /mcp with a bearer token to a client that only starts programs', async () => {
  const place = await testWorkspace();
  const { url, token } = await startHttp(place);
  const bridge = [PROGRAMS.supergateway, '--streamableHttp', `${url}/mcp`, '--oauth2Bearer', String(token)];
  await addsServer(place, process.execPath, ...bridge, '--logLevel', 'none');
});

it('supergateway offers our stdio server over Streamable HTTP', async () => {
  const place = await testWorkspace();
  const port = await freePort();
  const line = ['--stdio', OURS.join(' '), '--outputTransport', 'streamableHttp', '--port', String(port)];
  const gateway = await startGateway(place, port, [PROGRAMS.supergateway, ...line]);
  await addsServer(place, `${gateway.url}/mcp`, '--transport', 'http');
});

it('supergateway offers our stdio server to clients that only speak SSE', async () => {
  const place = await testWorkspace();
  const port = await freePort();
  const line = ['--stdio', OURS.join(' '), '--outputTransport', 'sse', '--port', String(port)];
  const gateway = await startGateway(place, port, [PROGRAMS.supergateway, ...line]);
  await addsServer(place, `${gateway.url}/sse`, '--transport', 'sse');
});

it('mcp-proxy offers our stdio server with a key, in both eras and over SSE, and to nobody without the key', async () => {
  const place = await testWorkspace();
  const port = await freePort();
  const line = ['--host', '127.0.0.1', '--port', String(port), '--apiKey', 'made-up-key', '--', ...OURS];
  const { url } = await startGateway(place, port, [PROGRAMS.proxy, ...line]);
  const key = ['--header', 'X-API-Key: made-up-key'];
  const offered = await Promise.all([
    toolsOf(place, `${url}/mcp`, '--transport', 'http', '--protocol-era', 'legacy', ...key),
    toolsOf(place, `${url}/mcp`, '--transport', 'http', '--protocol-era', 'modern', ...key),
    toolsOf(place, `${url}/sse`, '--transport', 'sse', ...key),
  ]);
  for (const tools of offered) expect(tools).toHaveLength(18);
  await addsServer(place, `${url}/mcp`, '--transport', 'http', ...key);
  expect((await fetch(`${url}/mcp`, { method: 'POST', body: '{}' })).status).toBe(401);
});
