import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from '../support/process.ts';
import { ROOT, temporaryDirectory, testWorkspace } from '../support/workspace.ts';

const SUITE = join(ROOT, 'node_modules/.bin/conformance');

export const REVISIONS = ['2026-07-28', '2025-11-25'] as const;

/** The suite cannot send a credential: this adds one to each request, and changes nothing else. */
async function withCredential(url: string, credential: Record<string, string>): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const pass = (asked: IncomingMessage, answer: ServerResponse) => {
    const headers = { ...asked.headers, ...credential };
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
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${pathname}`;
}

interface Outcome {
  code: number | null;
  passed: Set<string>;
  /** Every check that did not pass, with what the suite says of it, by scenario. */
  faults: Record<string, string[]>;
  /** Scenarios of extensions of the protocol, which a revision does not require. */
  extensions: string[];
  /** The line of the suite with its counts. */
  total: string;
}

/** Runs all that the suite has for servers of a revision, as the bearer of this credential. */
export async function runSuite(
  url: string,
  credential: Record<string, string>,
  revision: (typeof REVISIONS)[number],
): Promise<Outcome> {
  const { env, home } = await testWorkspace();
  const proxy = await withCredential(url, credential);
  const results = await temporaryDirectory('conformance-');
  const args = ['server', '--url', proxy, '--requirements', revision, '-o', results];
  const { code, stdout } = await run(process.execPath, [SUITE, ...args], { env, cwd: home });
  const named = (line: RegExp) => [...stdout.matchAll(line)].map(([, name]) => name ?? '');
  const total = /^Total: .*$/m.exec(stdout)?.[0] ?? 'no total';
  return {
    code,
    passed: new Set(named(/^✓ ([\w-]+):/gm)),
    extensions: named(/^ {2}[✓✗] ([\w-]+) \(extension\)$/gm),
    faults: faultsIn(results),
    total,
  };
}

interface Check {
  id: string;
  status: string;
  errorMessage?: string;
}

function faultsIn(results: string): Outcome['faults'] {
  const faults: Outcome['faults'] = {};
  for (const name of readdirSync(results)) {
    const checks: Check[] = JSON.parse(readFileSync(join(results, name, 'checks.json'), 'utf8'));
    const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    const scenario = name.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    if (bad.length > 0) faults[scenario] = bad.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? ''}`);
  }
  return faults;
}
