import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { freePort } from '../support/listen.ts';
import { BIN, type HttpServer, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { ROOT } from './markdown.ts';

/** The files of the guide as they stand there: only addresses, ports and paths are those of the test. */

const GUIDE = readFileSync(join(ROOT, 'user-docs/how-to/deploy-http-server.md'), 'utf8');

function fileOf(kind: string): string {
  const found = new RegExp(`^\`\`\`${kind}\n([\\s\\S]*?)^\`\`\``, 'm').exec(GUIDE)?.[1];
  if (found === undefined) throw new Error(`the guide has no ${kind} file`);
  return found;
}

/** Each replacement has to find something, or the test would be of another file. */
function withReplaced(text: string, replacements: Record<string, string>): string {
  return Object.entries(replacements).reduce((now, [from, to]) => {
    if (!now.includes(from)) throw new Error(`the guide does not say "${from}"`);
    return now.replaceAll(from, to);
  }, text);
}

const installed = (program: string) => spawnSync('which', [program]).status === 0;

interface Place {
  directory: string;
  made: Certificate;
  port: number;
  other_port: number;
  upstream: number;
}

interface Proxy {
  program: string;
  /** Writes the configuration, and gives the arguments of the program. */
  prepare(place: Place): string[];
}

const nginx: Proxy = {
  program: 'nginx',
  prepare({ directory, made, port, other_port, upstream }) {
    const site = withReplaced(fileOf('nginx'), {
      '127.0.0.1:8000': `127.0.0.1:${upstream}`,
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      'listen 80': `listen 127.0.0.1:${other_port}`,
      '/etc/nginx/tls/mcp.example.crt': made.cert_path,
      '/etc/nginx/tls/mcp.example.key': made.key_path,
    });
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${directory}/${name};`,
    );
    const main = `${process.getuid?.() === 0 ? 'user root;' : ''} pid ${directory}/nginx.pid; daemon off; error_log stderr;
events {}
http { access_log off; ${temporary.join(' ')}
${site} }`;
    writeFileSync(join(directory, 'nginx.conf'), main);
    return ['-p', directory, '-c', join(directory, 'nginx.conf')];
  },
};

const caddy: Proxy = {
  program: 'caddy',
  prepare({ directory, made, port, other_port, upstream }) {
    const site = withReplaced(fileOf('caddy'), {
      '127.0.0.1:8000': `127.0.0.1:${upstream}`,
      'mcp.example {': `https://mcp.example:${port} {\n\tbind 127.0.0.1\n\ttls ${made.cert_path} ${made.key_path}`,
    });
    const main = `{\n\tadmin off\n\thttp_port ${other_port}\n\tauto_https disable_redirects\n}\n${site}`;
    writeFileSync(join(directory, 'Caddyfile'), main);
    return ['run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')];
  },
};

interface Proxied {
  server: HttpServer;
  port: number;
  made: Certificate;
  /** Sends a request through the proxy, by the name of the guide. */
  send(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string },
  ): Promise<IncomingMessage>;
}

async function behind({ program, prepare }: Proxy): Promise<Proxied> {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, {
    env: { MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1,::1', MCP_ORCHESTRATION_ALLOWED_HOSTS: 'mcp.example' },
  });
  const directory = join(workspace.home, program);
  mkdirSync(directory);
  const made = makeCertificate(directory);
  const [port, other_port] = [await freePort(), await freePort()];
  const upstream = Number(new URL(server.url).port);
  const args = prepare({ directory, made, port, other_port, upstream });
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory, XDG_DATA_HOME: directory };
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (words: string) => {
    complaints += words;
  });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'close');
  });
  const send: Proxied['send'] = async (method, path, { headers = {}, body } = {}) => {
    const sent = request({
      ...{ host: '127.0.0.1', port, servername: 'mcp.example', ca: made.cert, method, path, agent: false },
      headers: { host: 'mcp.example', authorization: `Bearer ${server.token}`, ...headers },
    }).end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  };
  await expect
    .poll(
      async () => {
        if (child.exitCode !== null) throw new Error(complaints);
        return (await send('GET', '/readyz').catch(() => undefined))?.statusCode;
      },
      { timeout: 10_000 },
    )
    .toBe(200);
  return { server, port, made, send };
}

const json = async (response: IncomingMessage) => JSON.parse(await text(response));

/** The proxy as an MCP client reaches it. */
const fetchThrough =
  (send: Proxied['send']) =>
  async (url: URL | string, { method = 'GET', headers, body }: RequestInit = {}): Promise<Response> => {
    const given = Object.fromEntries(new Headers(headers).entries());
    const response = await send(method, new URL(url).pathname, { headers: given, ...(body && { body: String(body) }) });
    const status = response.statusCode ?? 0;
    const empty = [202, 204, 304].includes(status);
    if (empty) response.resume();
    const stream = empty ? null : (Readable.toWeb(response) as unknown as ReadableStream);
    return new Response(stream, { status, headers: response.headers as Record<string, string> });
  };

describe.each([nginx, caddy])('$program with the file of the guide', (proxy) => {
  const there = installed(proxy.program);
  beforeAll(() => {
    if (!there)
      process.stdout.write(`skipped: ${proxy.program} is not installed, so its file of the guide is not tried\n`);
  });

  it.skipIf(!there)(
    'passes on requests, streams and waiting answers at once, and says who asked for what',
    {
      timeout: 120_000,
    },
    async () => {
      const { server, send } = await behind(proxy);
      const clients = await send('GET', '/v1/clients');
      expect([clients.statusCode, clients.headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
      expect((await json(clients)).count).toBe(42);
      const spoofed = {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-for': '203.0.113.7',
        'x-forwarded-proto': 'http',
      };
      const metadata = await json(await send('GET', '/.well-known/oauth-protected-resource/mcp', { headers: spoofed }));
      expect(metadata.resource).toMatch(/^https:\/\/mcp\.example\/mcp$/);

      const { next } = await json(await send('GET', '/v1/changes'));
      const waiting = send('GET', `/v1/changes?since=${next}&wait=30`).then(json);
      const events = await send('GET', '/v1/events');
      const heard = (async () => {
        let all = '';
        for await (const piece of events.setEncoding('utf8')) {
          all += piece;
          if (all.includes('event: config.draft_changed')) return all;
        }
        return all;
      })();
      const transport = new StreamableHTTPClientTransport(new URL('https://mcp.example/mcp'), {
        fetch: fetchThrough(send),
      });
      const client = new Client(
        { name: 'test', version: '1.0.0' },
        { versionNegotiation: { mode: { pin: '2026-07-28' } } },
      );
      await client.connect(transport);
      onTestFinished(() => client.close());
      const updates: string[] = [];
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => void updates.push(params.uri));
      await client.listen({ resourceSubscriptions: ['config://cursor/default/draft'] });

      const began = performance.now();
      const tool = { name: 'add_server_to_config', arguments: { client_id: 'cursor', server_id: 'memory' } };
      expect((await client.callTool(tool)).isError).toBeFalsy();
      expect((await waiting).changes).toMatchObject([{ type: 'config.draft_changed', client_id: 'cursor' }]);
      expect(await heard).toContain('event: config.draft_changed');
      await expect.poll(() => updates).toEqual(['config://cursor/default/draft']);
      expect(performance.now() - began, 'nothing was held back').toBeLessThan(5_000);
      expect((await server.stop()).code).toBe(0);
    },
  );

  it.skipIf(!there)(
    'lets nobody in under another name, and counts wrong guesses for who makes them, whatever he says he is',
    {
      timeout: 120_000,
    },
    async () => {
      const { port, made, send } = await behind(proxy);
      const stranger = connect({ host: '127.0.0.1', port, servername: 'evil.example', ca: made.cert });
      await expect(once(stranger, 'secureConnect')).rejects.toThrow();
      const misdirected = await send('GET', '/health', { headers: { host: 'evil.example' } }).then(
        async (response) => [response.statusCode, await text(response)],
        () => ['cut off', ''],
      );
      expect(misdirected).not.toEqual([200, expect.stringContaining('"ok"')]);
      const guesses: unknown[] = [];
      for (let at = 0; at < 12; at += 1) {
        const headers = { authorization: 'Bearer wrong', 'x-forwarded-for': `203.0.113.${at}` };
        guesses.push((await send('GET', '/v1/clients', { headers })).statusCode);
      }
      expect(guesses).toEqual([...Array(10).fill(401), 429, 429]);
      const big = await send('PUT', '/v1/config/cursor/default/draft', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ payload: 'x'.repeat(1_200_000) }),
      });
      expect((await json(big)).error.code).toBe('PAYLOAD_TOO_LARGE');
    },
  );
});

describe('the unit of systemd in the guide', () => {
  const there = installed('systemd-analyze');
  const unit = () =>
    withReplaced(fileOf('systemd'), { '/usr/local/bin/mcp-orchestration serve-http': `${BIN} serve-http` });
  beforeAll(() => {
    if (!there)
      process.stdout.write('skipped: systemd-analyze is not installed, so the unit of the guide is not looked at\n');
  });

  it.skipIf(!there)('is one that systemd understands', async () => {
    const path = join((await testWorkspace()).home, 'mcp-orchestration.service');
    writeFileSync(path, unit());
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
    const about = stderr.split('\n').filter((line) => line.includes('mcp-orchestration'));
    expect([status, about]).toEqual([0, []]);
  });

  it.skipIf(!there)('leaves little that the server could do to the rest of the machine', async () => {
    const path = join((await testWorkspace()).home, 'mcp-orchestration.service');
    writeFileSync(path, unit());
    const said = execFileSync('systemd-analyze', ['security', '--offline=true', path], { encoding: 'utf8' });
    expect(Number(/exposure level for .*: ([\d.]+)/.exec(said)?.[1])).toBeLessThan(3);
  });
});
