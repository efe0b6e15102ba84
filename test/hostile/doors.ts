import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { runCli } from '../../src/adapters/cli/cli.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { serveMcpStdio } from '../../src/adapters/mcp/stdio.ts';
import type { App } from '../../src/main/compose.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { type Operation, TOOLSETS } from '../../src/operations/operation.ts';
import { argumentsOf } from '../surfaces/drivers.ts';
import { API_KEY, startRest } from './server.ts';

/** What comes out of a door: the code of a refusal, or `ok`, and every word of it. */
export interface Said {
  code: string;
  words: string;
}

/** All three doors on one open home, so that thousands of calls stay cheap. */
export interface Doors {
  app: App;
  home: string;
  data_dir: string;
  unexpected: string[];
  cli(...args: string[]): Promise<Said>;
  mcp(operation: Operation, input: Record<string, unknown>): Promise<Said>;
  rest(method: string, url: string, body?: unknown): Promise<Said & { status: number }>;
  /** The same call through every door that the operation has. */
  each(operation: Operation, input: Record<string, unknown>): AsyncGenerator<Said & { door: string }>;
  close(): Promise<void>;
}

const codeOf = (words: string): string => {
  const value = JSON.parse(words);
  return value.error?.code ?? 'ok';
};

export const operationOf = (tool: string): Operation => {
  const found = OPERATIONS.find(({ mcp }) => mcp?.tool === tool);
  if (!found) throw new Error(`no operation has the tool ${tool}`);
  return found;
};

export async function openDoors(): Promise<Doors> {
  const { app, server, workspace, unexpected, close } = await startRest();
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const contextOf = () => app.localContext('mcp');
  const serving = serveMcpStdio(offerOf(OPERATIONS, { version: '0.0.0', toolsets: new Set(TOOLSETS) }), contextOf, {
    stdin: toServer,
    stdout: toClient,
  });
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioServerTransport(toClient, toServer));
  const cli = async (...args: string[]): Promise<Said> => {
    const stdout = new PassThrough();
    const out = text(stdout);
    const stderr = new PassThrough();
    const err = text(stderr);
    const context = app.localContext('cli');
    const terminal = { args, stdin: Readable.from([]), stdout, stderr, cwd: workspace.home, env: workspace.env };
    await runCli(terminal, {
      version: '0.0.0',
      operations: OPERATIONS,
      locals: [],
      contextOf: async () => context,
      fallback: context,
    });
    stdout.end();
    stderr.end();
    const printed = await out;
    return { code: codeOf(printed), words: printed + (await err) };
  };
  const mcp = async (operation: Operation, input: Record<string, unknown>): Promise<Said> => {
    const { content } = await client.callTool({ name: operation.mcp?.tool ?? '', arguments: input });
    const words = (content as { text: string }[])[0]?.text ?? '';
    return { code: codeOf(words), words };
  };
  const rest = async (method: string, url: string, body?: unknown) => {
    const headers = { host: 'localhost', 'x-api-key': API_KEY };
    const payload = body === undefined ? {} : { body: body as object };
    const answer = await server.inject({ method: method as 'GET', url, headers, ...payload });
    return { status: answer.statusCode, code: codeOf(answer.body), words: answer.body };
  };
  return {
    app,
    home: workspace.home,
    data_dir: workspace.data_dir,
    unexpected,
    cli,
    mcp,
    rest,
    async *each(operation, input) {
      if (operation.cli) yield { door: 'CLI', ...(await cli(...argumentsOf(operation, input))) };
      if (operation.mcp?.tool) yield { door: 'MCP', ...(await mcp(operation, input)) };
      if (operation.rest) yield { door: 'REST', ...(await rest(...requestOf(operation, input))) };
    },
    async close() {
      await client.close();
      toServer.end();
      await serving;
      await close();
    },
  };
}

/** The request that says the same as an input object; path parts that are missing are those of a first-time user. */
export function requestOf(
  operation: Operation,
  input: Record<string, unknown>,
): [method: string, url: string, body?: unknown] {
  const { method = 'GET', path = '' } = operation.rest ?? {};
  const rest = new Map(Object.entries(input));
  const url = path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const value = rest.get(name) ?? (name === 'profile_id' ? 'default' : 'cursor');
    rest.delete(name);
    return encodeURIComponent((typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed());
  });
  const { body: whole } = operation.rest ?? {};
  if (whole === undefined && (method === 'POST' || method === 'PUT')) return [method, url, Object.fromEntries(rest)];
  const body = whole === undefined ? undefined : rest.get(whole);
  if (whole !== undefined) rest.delete(whole);
  const query = new URLSearchParams(
    [...rest].map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  return [method, rest.size > 0 ? `${url}?${query}` : url, body];
}
