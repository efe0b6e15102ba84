import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { interleave, type Row, rowOf } from './figures.ts';
import { load } from './http/load.ts';
import { startOurs } from './http/servers.ts';
import type { Effort, Measurement } from './measurement.ts';
import { inSandbox, type Sandbox, type ServerProcess, startServer } from './sandbox.ts';

const CONNECTIONS = 20;
const TOOL = { name: 'list_clients', arguments: {} };

/** What a client sends for one call, as it is written by the SDK, and the output that it gets. */
interface Recorded {
  headers: Record<string, string>;
  body: string;
  output: unknown;
}

/** Calls the tool once with a real client and keeps what went over the line. */
async function record(url: string, token: Record<string, string>, revision: string | undefined): Promise<Recorded> {
  let sent: { headers: Record<string, string>; body: string } | undefined;
  const watch: typeof fetch = (address, init) => {
    const body = String(init?.body ?? '');
    if (body.includes('"tools/call"')) sent = { headers: Object.fromEntries(new Headers(init?.headers)), body };
    return fetch(address, init);
  };
  const versionNegotiation = revision === undefined ? {} : { versionNegotiation: { mode: { pin: revision } } };
  const client = new Client({ name: 'bench', version: '1.0.0' }, versionNegotiation);
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: token }, fetch: watch }),
  );
  const { structuredContent } = await client.callTool(TOOL);
  await client.close();
  if (sent === undefined) throw new Error('the client called no tool');
  return { ...sent, output: structuredContent };
}

async function row(ours: ServerProcess, bare: ServerProcess, recorded: Recorded, revision: string, effort: Effort) {
  const { headers, body } = recorded;
  const on = (server: ServerProcess) => async () => {
    const url = `${server.url}/mcp`;
    const seconds = effort.load_seconds;
    return (await load({ url, headers, body: () => body, connections: CONNECTIONS, seconds })).per_second;
  };
  const rounds = { rounds: effort.loads, warmups: Math.min(1, effort.warmups) };
  const samples = await interleave(rounds, { bare: on(bare), ours: on(ours) });
  return rowOf({
    what: `MCP tools/call list_clients, ${revision}`,
    unit: 'per s',
    as: 'share',
    bare: { what: 'bare SDK, same tools', samples: samples.bare },
    ours: samples.ours,
    budget: { of: 'comparison', limit: 0.8 },
  });
}

async function rowsIn(sandbox: Sandbox, effort: Effort): Promise<Row[]> {
  const ours = await startOurs(sandbox);
  const calls = {
    '2026-07-28': await record(`${ours.url}/mcp`, ours.headers, '2026-07-28'),
    '2025-11-25': await record(`${ours.url}/mcp`, ours.headers, undefined),
  };
  const file = join(sandbox.home, 'output.json');
  writeFileSync(file, JSON.stringify(calls['2026-07-28'].output));
  const bare = await startServer([fileURLToPath(new URL('./http/bare-mcp.ts', import.meta.url)), file], sandbox);
  const rows: Row[] = [];
  for (const [revision, recorded] of Object.entries(calls))
    rows.push(await row(ours, bare, recorded, revision, effort));
  await Promise.all([ours.stop(), bare.stop()]);
  return rows;
}

/** One tool over HTTP, in both protocol eras, beside a server of the SDK alone. */
export const mcp: Measurement = {
  name: 'mcp',
  run: (effort) => inSandbox((sandbox) => rowsIn(sandbox, effort)),
};
