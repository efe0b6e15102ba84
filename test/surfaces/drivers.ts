import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { serveMcpStdio } from '../../src/adapters/mcp/stdio.ts';
import { restServer } from '../../src/adapters/rest/server.ts';
import { main } from '../../src/main/bin.ts';
import { compose } from '../../src/main/compose.ts';
import { readConfig } from '../../src/main/config.ts';
import { quietLog } from '../../src/main/log.ts';
import { fieldsOf } from '../../src/operations/fields.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { type Operation, TOOLSETS } from '../../src/operations/operation.ts';

/** What a caller of any door gets: the output object, or the public error object. */
export type Outcome = { ok: true; output: Record<string, unknown> } | { ok: false; error: Record<string, unknown> };

/** One door, as a user has it, on one data directory. */
export interface Door {
  name: string;
  /** `known`: nothing about a process of its own is new in this step. */
  call(operation: Operation, input: Record<string, unknown>, known: boolean): Promise<Outcome>;
  close(): Promise<void>;
}
export type OpenDoor = (env: Record<string, string>) => Promise<Door>;

const BIN = fileURLToPath(new URL('../../bin/mcp-orchestration.js', import.meta.url));
const API_KEY = 'made-up-api-key-for-tests';
const silent = quietLog(() => undefined, false);

const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The command line that says the same as an input object; what no flag can say is written as JSON. */
export function argumentsOf(operation: Operation, input: Record<string, unknown>): string[] {
  const flags = Object.entries(input).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll('_', '-')}`;
    const type = fieldsOf(operation).find((field) => field.name === name)?.type;
    if (type === 'array' && Array.isArray(value)) return value.flatMap((item) => [flag, written(item)]);
    if (type === 'flag-or-list')
      return value === true ? [flag] : [value].flat().flatMap((item) => [flag, written(item)]);
    if (type === 'boolean') return [value === true ? flag : flag.replace('--', '--no-')];
    return [
      flag,
      value === null ? 'null' : typeof value === 'string' && type !== 'any' ? value : JSON.stringify(value),
    ];
  });
  // First: a field without a name would end the flags.
  return [operation.cli?.verb ?? '', '--json', ...flags];
}

const fromStdout = (stdout: string): Outcome => {
  const value = JSON.parse(stdout);
  return 'error' in value && Object.keys(value).length === 1
    ? { ok: false, error: value.error }
    : { ok: true, output: value };
};

export const cliInProcess: OpenDoor = async (env) => ({
  name: 'CLI',
  async call(operation, input) {
    const stdout = new PassThrough();
    const output = text(stdout);
    const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
    await main({
      args: argumentsOf(operation, input),
      stdin: Readable.from([]),
      stdout,
      stderr,
      cwd: env['HOME'] ?? '/',
      env,
    });
    stdout.end();
    return fromStdout(await output);
  },
  close: async () => undefined,
});

/** A process of its own for a command; most of the time of the scenarios goes there, so not for what is known. */
export const cliProcess: OpenDoor = async (env) => ({
  name: 'CLI process',
  async call(operation, input, known) {
    if (known) return (await cliInProcess(env)).call(operation, input, known);
    const child = spawn(process.execPath, [BIN, ...argumentsOf(operation, input)], {
      env,
      cwd: env['HOME'],
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return fromStdout(stdout);
  },
  close: async () => undefined,
});

function mcpDoor(name: string, client: Client, close: () => Promise<void>): Door {
  return {
    name,
    async call(operation, input) {
      const result = await client.callTool({ name: operation.mcp?.tool ?? '', arguments: input });
      const [content] = result.content as { text: string }[];
      if (result.isError) return { ok: false, error: JSON.parse(content?.text ?? '').error };
      return { ok: true, output: JSON.parse(content?.text ?? '') };
    },
    close,
  };
}

export const mcpInProcess: OpenDoor = async (env) => {
  const app = await compose({ config: readConfig(env), env, log: silent });
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const serving = serveMcpStdio(
    offerOf(OPERATIONS, { version: '0.0.0', toolsets: new Set(TOOLSETS) }),
    () => app.localContext('mcp'),
    { stdin: toServer, stdout: toClient },
  );
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioServerTransport(toClient, toServer));
  return mcpDoor('MCP', client, async () => {
    await client.close();
    toServer.end();
    await serving;
    await app.close();
  });
};

export const mcpProcess: OpenDoor = async (env) => {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [BIN, 'serve', '--toolsets', TOOLSETS.join(',')],
      env,
      stderr: 'ignore',
    }),
  );
  return mcpDoor('MCP process', client, () => client.close());
};

/** Method, URL and body of the request that says the same as an input object. */
function requestOf(
  operation: Operation,
  input: Record<string, unknown>,
): { method: string; url: string; body?: string } {
  const { method = 'GET', path = '' } = operation.rest ?? {};
  const rest = new Map(Object.entries(input));
  const url = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const value = rest.get(name) ?? (name === 'client_id' ? 'claude-desktop' : 'default');
    rest.delete(name);
    return encodeURIComponent(String(value));
  });
  const queried = () => {
    const query = new URLSearchParams([...rest].map(([name, value]): [string, string] => [name, String(value)]));
    return rest.size > 0 ? `${url}?${query}` : url;
  };
  const { body: whole } = operation.rest ?? {};
  if (whole !== undefined) {
    const body = JSON.stringify(rest.get(whole));
    rest.delete(whole);
    return { method, url: queried(), body };
  }
  if (method === 'POST' || method === 'PUT') return { method, url, body: JSON.stringify(Object.fromEntries(rest)) };
  return { method, url: queried() };
}

const fromBody = (status: number, body: string): Outcome => {
  const value = JSON.parse(body);
  return status < 400 ? { ok: true, output: value } : { ok: false, error: value.error };
};

export const restInProcess: OpenDoor = async (env) => {
  const app = await compose({ config: readConfig(env), env, log: silent });
  const server = await restServer({
    operations: OPERATIONS,
    store: app.store,
    dataVersion: app.store.dataVersion,
    services: app.services,
    api_key: API_KEY,
    cors_origins: new Set(),
    allowed_hosts: new Set(['localhost']),
    now: () => new Date(),
  });
  return {
    name: 'REST',
    async call(operation, input) {
      const { method, url, body } = requestOf(operation, input);
      const headers = { 'x-api-key': API_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const response = await server.inject({
        method: method as 'GET',
        url,
        headers,
        ...(body !== undefined && { body }),
      });
      return fromBody(response.statusCode, response.body);
    },
    async close() {
      await server.close();
      await app.close();
    },
  };
};

export const restProcess: OpenDoor = async (env) => {
  const child = spawn(process.execPath, [BIN, 'serve-http', '--port', '0', '--json', '--log-level', 'silent'], {
    env: { ...env, MCP_ORCHESTRATION_API_KEY: API_KEY },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [ready] = (await once(child.stdout, 'data')) as [Buffer];
  const { url: base } = JSON.parse(ready.toString());
  return {
    name: 'REST process',
    async call(operation, input) {
      const { method, url, body } = requestOf(operation, input);
      const headers = { 'x-api-key': API_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const response = await fetch(base + url, { method, headers, ...(body !== undefined && { body }) });
      return fromBody(response.status, await response.text());
    },
    async close() {
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
};
