import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { restInProcess } from '../hostile/server.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

/** What a proxy says about a request is believed of proxies that are named, and of nobody else. */

const FORWARDED = {
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'mcp.example',
};

/** Over a real connection, with a Host header of its own. */
async function get(url: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  const sent = request(url, { headers }).end();
  const [response] = await new Promise<[import('node:http').IncomingMessage]>((resolve, reject) => {
    sent.once('response', (answer) => resolve([answer])).once('error', reject);
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}

const METADATA = '/.well-known/oauth-protected-resource/mcp';

it('a trusted proxy says which host was asked for and over what; the allowlist holds for it all the same', async () => {
  const { url, output } = await startHttp(await testWorkspace(), {
    env: { MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1, ::1', MCP_ORCHESTRATION_ALLOWED_HOSTS: 'mcp.example' },
  });
  expect(output.stderr).not.toContain('WARNING');
  const asked = await get(url + METADATA, FORWARDED);
  expect(JSON.parse(asked.body).resource).toBe('https://mcp.example/mcp');
  const challenge = await fetch(`${url}/mcp`, { headers: FORWARDED });
  expect(challenge.headers.get('www-authenticate')).toContain(`resource_metadata="https://mcp.example${METADATA}"`);
  for (const host of ['evil.example', 'mcp.example, evil.example', 'mcp.example.evil.example', 'mcp.example/x', ''])
    expect([
      host,
      (await get(`${url}/health`, { ...FORWARDED, 'x-forwarded-host': host, host: 'evil.example' })).status,
    ]).toEqual([host, 403]);
  const own = { ...FORWARDED, origin: 'https://mcp.example' };
  expect((await get(`${url}/health`, own)).status, 'the own origin is that of the proxy').toBe(200);
  expect((await get(`${url}/health`, { ...own, origin: 'https://evil.example' })).status).toBe(403);
  // Behind a proxy requests are those of others, so nothing is open that is open to the person at this machine only.
  expect((await fetch(`${url}/openapi.json`)).status).toBe(401);
});

it('of a peer that is not named, and when none is, the headers of proxies mean nothing', async () => {
  for (const env of [{}, { MCP_ORCHESTRATION_TRUSTED_PROXIES: '192.0.2.0/24' }]) {
    const allowed = { MCP_ORCHESTRATION_ALLOWED_HOSTS: 'mcp.example' };
    const { url } = await startHttp(await testWorkspace(), { env: { ...allowed, ...env } });
    const asked = await get(url + METADATA, FORWARDED);
    expect(JSON.parse(asked.body).resource).toBe(`${url}/mcp`);
    expect((await get(`${url}/health`, { ...FORWARDED, host: 'evil.example' })).status).toBe(403);
  }
});

it('wrong credentials are counted for the address that a trusted proxy names, and for the last one that it can know', async () => {
  const { server } = await restInProcess({ rate_limit: 1_000, trusted_proxies: ['10.0.0.0/8'] });
  const guess = async (peer: string, forwarded: string) => {
    const headers = { host: 'localhost', authorization: 'Bearer wrong', 'x-forwarded-for': forwarded };
    return (await server.inject({ url: '/v1/clients', headers, remoteAddress: peer })).statusCode;
  };
  const guesses = async (peer: string, forwarded: (at: number) => string) => {
    const seen: number[] = [];
    for (let at = 0; at < 12; at += 1) seen.push(await guess(peer, forwarded(at)));
    return seen.filter((status) => status === 429).length;
  };
  expect(await guesses('10.1.2.3', (at) => `203.0.113.${at}`), 'twelve callers behind one proxy').toBe(0);
  expect(await guesses('10.1.2.3', () => '203.0.113.99'), 'one caller').toBe(2);
  expect(await guesses('10.1.2.4', (at) => `198.51.100.${at}, 203.0.113.98`), 'what the caller made up').toBe(2);
  expect(await guesses('198.51.100.7', (at) => `203.0.113.${at}`), 'a peer that is no proxy').toBe(2);
});
