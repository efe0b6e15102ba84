import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type HttpServer, run, startHttp } from '../support/process.ts';
import { ROOT, temporaryDirectory, testWorkspace } from '../support/workspace.ts';

/** The public conformance suite against the product, through our own HTTP and credentials. */

const SUITE = join(ROOT, 'node_modules/.bin/conformance');

/** Every scenario of a revision that needs no tool, prompt or resource made for the suite. */
const SCENARIOS = {
  '2026-07-28': [
    'tools-list',
    'resources-list',
    'prompts-list',
    'caching',
    'sep-2164-resource-not-found',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
    'http-header-validation',
    'input-required-result-missing-input-response',
    'input-required-result-unsupported-methods',
    'input-required-result-ignore-extra-params',
    'input-required-result-validate-input',
  ],
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
    'server-sse-multiple-streams',
    'server-session-lifecycle',
    'server-sse-polling',
  ],
} as const;

/** The suite cannot send a credential: this adds one to each request, and changes nothing else. */
async function withCredential({ url, token }: HttpServer): Promise<string> {
  const { hostname, port } = new URL(url);
  const pass = (asked: IncomingMessage, answer: ServerResponse) => {
    const headers = { ...asked.headers, authorization: `Bearer ${token}` };
    const on = request({ hostname, port, path: asked.url, method: asked.method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    on.on('error', () => answer.destroy());
    answer.on('close', () => on.destroy());
    asked.pipe(on);
  };
  const proxy = createServer(pass);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

it.each(['2026-07-28', '2025-11-25'] as const)(
  'every scenario of revision %s that needs no fixture passes',
  { timeout: 120_000 },
  async (revision) => {
    const workspace = await testWorkspace();
    const proxy = await withCredential(await startHttp(workspace));
    const results = await temporaryDirectory('conformance-');
    const args = ['server', '--url', `${proxy}/mcp`, '--requirements', revision, '-o', results];
    const { stdout } = await run(process.execPath, [SUITE, ...args], { env: workspace.env, cwd: workspace.home });
    const passed = new Set([...stdout.matchAll(/^✓ ([\w-]+):/gm)].map(([, name]) => name));
    expect(SCENARIOS[revision].filter((name) => !passed.has(name))).toEqual([]);
    const total = /^Total: .*$/m.exec(stdout)?.[0];
    process.stdout.write(`${revision}: ${passed.size} scenarios passed; ${total}\n`);
  },
);
