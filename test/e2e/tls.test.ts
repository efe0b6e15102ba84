import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { type Certificate, makeCertificate } from '../support/certificate.ts';
import { cliHere } from '../support/in-process.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

/** HTTPS without a proxy: a certificate that is signed by itself, and clients that trust it. */

const settings = ({ cert_path, key_path }: Pick<Certificate, 'cert_path' | 'key_path'>) => ({
  MCP_ORCHESTRATION_TLS_CERT: cert_path,
  MCP_ORCHESTRATION_TLS_KEY: key_path,
});

async function served(...args: string[]) {
  const workspace = await testWorkspace();
  const made = makeCertificate(workspace.home);
  const server = await startHttp(workspace, { env: settings(made), args });
  const agent = new Agent({ ca: made.cert, keepAlive: true, servername: 'localhost' });
  onTestFinished(() => agent.destroy());
  /** With a body: the server has the head of the request when this returns. The answer comes with the second call. */
  const begin = async (path: string, body?: string) => {
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
    const more = body === undefined ? {} : { 'content-length': body.length, expect: '100-continue' };
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request(server.url + path, { agent, method, headers: { ...headers, ...more } });
    const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
    sent.flushHeaders();
    if (body !== undefined) await once(sent, 'continue');
    return async () => {
      sent.end(body);
      const [response] = await answer;
      return { status: response.statusCode, headers: response.headers, body: JSON.parse(await text(response)) };
    };
  };
  return { server, made, begin, ask: async (path: string) => (await begin(path))() };
}

const port = (url: string) => Number(new URL(url).port);

it('a server with a certificate says https, tells browsers to stay there, and warns of nothing in server mode', async () => {
  const { server, ask } = await served('--host', '127.0.0.2');
  expect(server.url).toMatch(/^https:\/\/127\.0\.0\.2:\d+$/);
  expect(server.docs_url).toBe(`${server.url}/docs`);
  expect(server.output.stderr).not.toContain('WARNING');
  const answer = await ask('/v1/clients');
  expect([answer.status, answer.headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
  expect((await ask('/.well-known/oauth-protected-resource/mcp')).body.resource).toBe(`${server.url}/mcp`);
});

it('a server with a certificate answers in HTTP to nobody, and what is no TLS does not disturb it', async () => {
  const { server, made, ask } = await served();
  const plain = connect(port(server.url), '127.0.0.1').on('error', () => undefined);
  plain.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const answer = await Promise.race([text(plain).catch(() => ''), once(plain, 'close').then(() => '')]);
  expect(answer).not.toContain('"status"');
  const old = connectTls({ port: port(server.url), ca: made.cert, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
  await expect(once(old, 'secureConnect')).rejects.toThrow();
  expect((await ask('/health')).status).toBe(200);
});

it('a stop over TLS answers what is in flight, and does not wait for connections on which nothing was asked', async () => {
  const { server, made, begin } = await served();
  const idle = connect(port(server.url), '127.0.0.1').on('error', () => undefined);
  const shaken = connectTls({ port: port(server.url), host: '127.0.0.1', ca: made.cert }).on('error', () => undefined);
  await Promise.all([once(idle, 'connect'), once(shaken, 'secureConnect')]);
  const finish = await begin('/v1/config/cursor/default/draft/add', '{"server_id":"memory"}');
  const began = performance.now();
  const stopped = server.stop();
  const answer = await finish();
  expect([answer.status, answer.body.server_name]).toEqual([200, 'memory']);
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(5_000);
});

it('a certificate or key that cannot be used stops the start and names its setting, and never what is in it', async () => {
  const workspace = await testWorkspace();
  const made = makeCertificate(workspace.home);
  const other = makeCertificate(workspace.home, 'other');
  const path = (name: string, content: string) => {
    writeFileSync(join(workspace.home, name), content);
    return join(workspace.home, name);
  };
  const junk = path('junk.pem', 'made-up-secret');
  const torn = path('torn.pem', made.key.toString().slice(0, 60));
  const started = async (given: Record<string, string>) => {
    const { code, stderr } = await cliHere({ ...workspace, env: { ...workspace.env, ...given } }, 'serve-http');
    expect(stderr).not.toContain('made-up-secret');
    return [code, stderr.split('\n')[0]];
  };
  const { cert_path, key_path } = made;
  const refused = async (given: Record<string, string>, words: string) =>
    expect(await started(given)).toEqual([2, `INVALID_INPUT: ${words}`]);
  const gone = join(workspace.home, 'gone.pem');
  const [cert, key] = ['MCP_ORCHESTRATION_TLS_CERT', 'MCP_ORCHESTRATION_TLS_KEY'];
  await refused({ [cert]: cert_path }, `${key}: ${cert} is set and needs it`);
  await refused({ [key]: key_path }, `${cert}: ${key} is set and needs it`);
  await refused({ [cert]: 'cert.pem', [key]: key_path }, `${cert}: give an absolute path`);
  await refused(settings({ ...made, cert_path: gone }), `${cert}: the file cannot be read (ENOENT).`);
  await refused(settings({ ...made, key_path: workspace.home }), `${key}: the file cannot be read (EISDIR).`);
  await refused(settings({ ...made, cert_path: junk }), `${cert}: the file holds no certificate in PEM.`);
  for (const bad of [junk, torn, cert_path])
    await refused(settings({ ...made, key_path: bad }), `${key}: the file holds no unencrypted private key in PEM.`);
  await refused(
    settings({ ...made, key_path: other.key_path }),
    `${key}: the file is not the key of the certificate in ${cert}.`,
  );
});
