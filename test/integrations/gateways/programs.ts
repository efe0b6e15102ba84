import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { freePort } from '../../support/listen.ts';
import { cliJson, run } from '../../support/process.ts';
import { ROOT, type Workspace } from '../../support/workspace.ts';

/** Gateways of others, the public inspector, and servers that start without a network. */

/** Where they are installed: `npx` starts what is there without asking a registry. */
const FOLDER = join(ROOT, '.tools/gateways');
const TOOLS = join(FOLDER, 'node_modules');
export const PROGRAMS = {
  hub: join(TOOLS, 'mcp-hub/dist/cli.js'),
  supergateway: join(TOOLS, 'supergateway/dist/index.js'),
  proxy: join(TOOLS, 'mcp-proxy/dist/bin/mcp-proxy.mjs'),
};
export const DEFINITIONS = join(ROOT, 'integrations/gateways');
const LOOPBACK_ONLY = join(ROOT, 'test/support/loopback-only.ts');
const INSPECTOR = join(ROOT, 'node_modules/.bin/mcp-inspector');

const packageFile = (name: string, file: string) => join(ROOT, 'node_modules', name, file);

/** Entries of a payload whose programs are installed here. */
export const SERVERS = {
  memory: (env: Record<string, string>) => ({
    command: process.execPath,
    args: [packageFile('@modelcontextprotocol/server-memory', 'dist/index.js')],
    env,
  }),
  files: (directory: string) => ({
    command: process.execPath,
    args: [packageFile('@modelcontextprotocol/server-filesystem', 'dist/index.js'), directory],
  }),
};

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

interface Started {
  url: string;
  /** All that it wrote so far. */
  output: () => string;
}

/** Starts a gateway and waits until its port answers. It ends with the test. */
export async function startGateway(
  { env, home }: Workspace,
  port: number,
  args: string[],
  more: Record<string, string> = {},
): Promise<Started> {
  const child = spawn(process.execPath, ['--import', LOOPBACK_ONLY, ...args], {
    cwd: home,
    // mcp-hub fetches a catalogue when it starts, and calls curl when it may not: that is sent nowhere as well.
    env: { ...env, https_proxy: 'http://127.0.0.1:9', ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => end(child));
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      written += chunk;
    });
  }
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}: ${written}`);
    await sleep(50);
  }
  return { url: `http://127.0.0.1:${port}`, output: () => written };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await closed;
  clearTimeout(late);
}

interface HubServer {
  name: string;
  status: string;
  tools: string[];
}

/** mcp-hub on a file, as its documentation starts it, following what becomes of the file. */
export async function startHub(
  place: Workspace,
  config: string,
  { env = {}, port: given }: { env?: Record<string, string>; port?: number } = {},
) {
  const port = given ?? (await freePort());
  const line = ['--port', String(port), '--config', config, '--watch'];
  const hub = await startGateway(place, port, [PROGRAMS.hub, ...line], env);
  const ask = async (path: string, body?: object) => {
    const asked = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${hub.url}/api/${path}`, body === undefined ? {} : asked);
    return (await response.json()) as Record<string, unknown>;
  };
  const state = async () => (await ask('health'))['state'];
  await expect.poll(state, { timeout: 30_000, interval: 100, message: hub.output() }).toBe('ready');
  return {
    ...hub,
    ask,
    /** The servers that it has, in the order of their names. */
    async servers(): Promise<HubServer[]> {
      const { servers } = (await ask('servers')) as {
        servers: { name: string; status: string; capabilities: { tools: { name: string }[] } }[];
      };
      return servers
        .map(({ name, status, capabilities }) => ({ name, status, tools: capabilities.tools.map((one) => one.name) }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    /** Waits until exactly these are there and connected. */
    async connected(...names: string[]): Promise<void> {
      const wanted = names.toSorted().map((name) => ({ name, status: 'connected' }));
      const seen = async () => (await this.servers()).map(({ name, status }) => ({ name, status }));
      await expect.poll(seen, { timeout: 30_000, interval: 100 }).toEqual(wanted);
    },
  };
}

/** What the inspector gets for one method; the rest of the line says of whom. */
export async function inspect(
  { env }: Pick<Workspace, 'env'>,
  method: string,
  ...line: string[]
): Promise<Record<string, unknown>> {
  const args = ['--cli', ...line, '--method', method, '--format', 'json', '-q', '--stored-auth-only'];
  const { code, stdout, stderr } = await run(INSPECTOR, args, { env, cwd: FOLDER });
  if (code !== 0) throw new Error(`the inspector ended with ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout).result;
}

export const toolsOf = async (place: Workspace, ...line: string[]): Promise<string[]> =>
  ((await inspect(place, 'tools/list', ...line))['tools'] as { name: string }[]).map(({ name }) => name);

/** Makes these servers the draft of a client and publishes it. */
export async function publish(place: Workspace, client: string, mcpServers: object): Promise<string> {
  const file = join(place.home, 'payload.json');
  writeFileSync(file, JSON.stringify({ mcpServers }));
  await cliJson(place, 'set-draft', '--client', client, '--file', file);
  return String((await cliJson(place, 'publish-config', '--client', client))['artifact_id']);
}

export const deploy = async (place: Workspace, client: string, ...more: string[]): Promise<string> =>
  String((await cliJson(place, 'deploy-config', '--client', client, ...more))['config_path']);
