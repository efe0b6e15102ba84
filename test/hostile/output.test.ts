import { request } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { cliHere } from '../support/in-process.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { sendRaw } from './raw-http.ts';

/** One list of texts that mean something to whatever shows them, through every place where texts of callers come out. */
const PAYLOADS = [
  'a\n\nevent: forged\ndata: {}\n\n',
  'a\r\rid: 9999999999999999\r\r',
  'a\r\nSet-Cookie: session=evil\r\n\r\n<script>alert(1)</script>',
  '%0d%0aSet-Cookie:%20session=evil',
  '"}\n{"level":60,"msg":"forged"}\n',
  '\u001b[2J\u001b]0;title\u0007\u001b[8mhidden',
  '\u009b31mred',
  '\u202egnp.exe\u2066',
  'line\u2028separator\u2029',
  'zero\u200bwidth\ufeff',
  '<img src=x onerror=alert(1)>',
  '=HYPERLINK("https://evil.example","x")',
  '+1+cmd|calc!A0',
  '{{7*7}}${7*7}',
  '\u0000NUL',
];

/** What moves a cursor, hides or reverses text: nothing of it may reach a terminal as it is. */
const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

/** Every line that a stream of events may consist of. */
const EVENT_LINE = /^(id: \d{16}|event: [a-z]+\.[a-z_]+|data: \{.*\}|retry: \d+|:|)$/;

const HEADERS = new Set([
  ...['content-type', 'content-length', 'date', 'connection', 'keep-alive', 'etag', 'cache-control', 'allow', 'vary'],
  ...['x-request-id', 'x-content-type-options', 'referrer-policy', 'content-security-policy', 'www-authenticate'],
  ...['cross-origin-opener-policy', 'cross-origin-resource-policy', 'idempotency-replayed', 'location'],
]);

it('T28: nothing that a caller writes becomes more than text in streams, logs, headers, answers or terminals', {
  timeout: 120_000,
}, async () => {
  const workspace = await testWorkspace();
  const server = await startHttp(workspace, { args: ['--log-level', 'trace'] });
  const { url, token } = server;
  const authorization = `Bearer ${token}`;

  let stream = '';
  const events = request(`${url}/v1/events`, { headers: { authorization, 'last-event-id': '0000000000000000' } });
  onTestFinished(() => void events.destroy());
  events.on('response', (response) => response.setEncoding('utf8').on('data', (piece: string) => (stream += piece)));
  events.on('error', () => undefined).end();

  await server.ask('POST', '/v1/keys/initialize', { body: {} });
  const answers: { status: number; headers: Headers; body: string }[] = [];
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const type = { 'content-type': 'application/json' };
    const init = {
      method,
      headers: { authorization, ...type, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const response = await fetch(url + path, init);
    answers.push({ status: response.status, headers: response.headers, body: await response.text() });
    return response.status;
  };
  const accepted = { texts: 0 };
  for (const [at, hostile] of PAYLOADS.entries()) {
    const draft = { mcpServers: { [`x${at}`]: { command: 'node', args: [hostile], env: { NOTE: hostile } } } };
    const statuses = [
      await ask('PUT', '/v1/config/cursor/default/draft', { payload: draft }),
      await ask('PUT', '/v1/config/cursor/default/draft', {
        payload: { mcpServers: { [hostile]: { command: 'node', args: [] } } },
      }),
      await ask('POST', '/v1/config/cursor/default/publish', { changelog: hostile, payload: draft }),
      await ask('POST', '/v1/clients/cursor/profiles', {
        profile_id: `p${at}`,
        display_name: hostile,
        description: hostile,
      }),
      await ask('POST', '/v1/tokens', { name: hostile, role: 'viewer' }),
      await ask('POST', '/v1/config/diff', { [hostile]: hostile }),
      await ask('GET', `/v1/servers?search_query=${encodeURIComponent(hostile)}`),
      await ask('GET', `/v1/servers/${encodeURIComponent(hostile)}`),
      await ask('GET', `/${encodeURIComponent(hostile)}`),
      await ask('GET', `/v1/changes?since=${encodeURIComponent(hostile)}`),
    ];
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    accepted.texts += statuses.filter((status) => status < 300).length;
    // What no well-behaved client can send: the bytes as they are, in headers.
    const bytes = Buffer.from(hostile)
      .toString('latin1')
      .replaceAll(/[\r\n\0]/g, ' ');
    const names = ['X-Request-Id', 'Idempotency-Key', 'If-None-Match', 'Last-Event-ID', 'User-Agent', 'Authorization'];
    for (const name of names) {
      const head = `GET /v1/clients HTTP/1.1\r\nHost: localhost\r\nX-API-Key: x\r\nConnection: close\r\n${name}: ${bytes}\r\n\r\n`;
      for (const { status, headers } of await sendRaw(url, [head])) {
        expect(status).toBeLessThan(500);
        expect(Object.keys(headers).filter((header) => !HEADERS.has(header))).toEqual([]);
        expect(Object.values(headers).filter((value) => value.includes(bytes))).toEqual([]);
      }
    }
  }
  expect(accepted.texts, 'some of it is taken in, or nothing would be shown').toBeGreaterThan(PAYLOADS.length);

  for (const { headers, body } of answers) {
    // Nothing is a page, and nothing may be taken for one.
    expect(headers.get('content-type') ?? 'application/json').toMatch(/^application\/json/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect([...headers.keys()].filter((name) => !HEADERS.has(name))).toEqual([]);
    if (body !== '') expect(() => JSON.parse(body)).not.toThrow();
  }

  await expect
    .poll(() => stream.match(/^event: config\.profile|^event: token\.created/gm)?.length ?? 0)
    .toBeGreaterThan(5);
  expect(stream.split('\n').filter((line) => !EVENT_LINE.test(line))).toEqual([]);
  expect(stream).not.toContain('forged');

  const logged = server.output.stderr.split('\n').filter((line) => line.startsWith('{'));
  for (const line of logged) expect(Object.keys(JSON.parse(line))).toContain('level');
  expect(logged.filter((line) => RAW.test(line))).toEqual([]);
  expect(server.output.stderr.split('\n').filter((line) => /^\{.*"msg":"forged"\}$/.test(line))).toEqual([]);

  const shown = [
    ['list-tokens'],
    ['list-profiles', 'cursor'],
    ['history', '--client', 'cursor'],
    ['view-draft', '--client', 'cursor'],
    ['get-config', '--client', 'cursor'],
    ['list-changes'],
    ['describe-server', PAYLOADS[5] ?? ''],
    ['remove-server', PAYLOADS[7] ?? '', '--client', 'cursor'],
  ];
  for (const args of shown) {
    const { stdout, stderr } = await cliHere(workspace, ...args);
    expect([args[0], RAW.test(stdout + stderr)]).toEqual([args[0], false]);
  }
});
