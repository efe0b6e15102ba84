import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BIN, cliJson, type Sandbox, type ServerProcess, startServer } from '../sandbox.ts';
import type { BareRoute } from './bare-fastify.ts';

/** A server and what a caller has to send with every request. */
export interface Asked extends ServerProcess {
  headers: Record<string, string>;
}

/** `serve-http` as it is installed, with a token that may do everything. `flags` are for Node. */
export async function startOurs(sandbox: Sandbox, flags: readonly string[] = []): Promise<Asked> {
  const { token } = cliJson(sandbox, 'generate-token', '--name', 'bench', '--role', 'admin');
  const server = await startServer([...flags, BIN, 'serve-http', '--port', '0', '--json'], sandbox);
  return { ...server, headers: { authorization: `Bearer ${token}` } };
}

/** Fastify alone, with routes that give back fixed bytes. */
export async function startBare(sandbox: Sandbox, routes: readonly BareRoute[]): Promise<Asked> {
  const file = join(sandbox.home, 'routes.json');
  writeFileSync(file, JSON.stringify(routes));
  const script = fileURLToPath(new URL('./bare-fastify.ts', import.meta.url));
  return { ...(await startServer([script, file], sandbox)), headers: {} };
}

/** Linux counts in hundredths of a second, whatever the kernel's own clock is. */
const TICK_MICROSECONDS = 10_000;

/** Processor time that a process has used so far, in microseconds; undefined where there is no /proc. */
export function processorTime(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  // The name, in parentheses, may hold anything: the fields are counted from behind it.
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}
