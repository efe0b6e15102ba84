import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { CLIENTS } from '../../src/clients/index.ts';
import { STANDARD_PROFILES } from '../../src/core/profiles.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { invoke } from '../../src/operations/operation.ts';
import { onHome } from '../crash/invariants.ts';
import { type HttpServer, startHttp } from './process.ts';
import { testWorkspace, type Workspace } from './workspace.ts';

/** Who change drafts, all at once, in each of so many rounds. */
export const WRITERS = 100;
const ROUNDS = 3;
const PER_TOKEN = 5;

/** As little as possible: a thousand readers in one process must not be what is measured. */
const MESSAGE = /^id: (\d{16})\n.*\ndata: .*?"time":"([^"]+)".*\n\n/gm;
const times = new Map<string, number>();
function timeOf(text: string): number {
  const known = times.get(text) ?? Date.parse(text);
  times.set(text, known);
  return known;
}

interface Source {
  ended: Promise<void>;
  close(): void;
}

async function readText(url: string, headers: Record<string, string>, heard: (text: string) => void): Promise<Source> {
  const sent = request(url, { headers, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject).end();
  });
  expect(response.statusCode).toBe(200);
  sent.on('error', () => undefined);
  let rest = '';
  response.setEncoding('latin1').on('data', (chunk: string) => {
    const text = rest + chunk;
    const end = text.lastIndexOf('\n\n') + 2;
    if (end > 1) heard(text.slice(0, end));
    rest = end > 1 ? text.slice(end) : text;
  });
  response.on('error', () => undefined);
  return { ended: new Promise((resolve) => response.once('close', () => resolve())), close: () => sent.destroy() };
}

const quantile = (sorted: readonly number[], part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;

/** One token for every five streams, and one that writes. */
export const tokens = (workspace: Workspace, count: number) =>
  onHome(workspace, async (app) => {
    const operation = OPERATIONS.find(({ id }) => id === 'tokens.create');
    if (!operation) throw new Error('there is no operation tokens.create');
    const made: string[] = [];
    for (let i = 0; i < count; i += 1)
      made.push(String((await invoke(operation, app.localContext('cli'), {}))['token']));
    return made;
  });

const targets = CLIENTS.flatMap(({ client_id }) =>
  STANDARD_PROFILES.map(({ profile_id }) => `${client_id}/${profile_id}`),
).slice(0, WRITERS);

/** Every writer changes a draft of its own, all at once. */
async function write({ url }: HttpServer, token: string, round: number): Promise<void> {
  const body = JSON.stringify({ payload: { mcpServers: { ours: { command: 'node', args: [`${round}`] } } } });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const statuses = await Promise.all(
    targets.map(
      async (target) => (await fetch(`${url}/v1/config/${target}/draft`, { method: 'PUT', headers, body })).status,
    ),
  );
  expect(new Set(statuses)).toEqual(new Set([200]));
}

/**
 * So many watchers get every event of all writers in order, and after a kill of the server without a gap; fails when one
 * does not. Gives how long events took, and the memory of the server with all of them connected.
 */
export async function watchEvents(subscribers: number) {
  const workspace = await testWorkspace();
  const [writer = '', ...readers] = await tokens(workspace, 1 + subscribers / PER_TOKEN);
  let server = await startHttp(workspace);
  const delays: number[] = [];
  const watchers: { token: string; seen: string[]; source?: Source }[] = readers.flatMap((token) =>
    Array.from({ length: PER_TOKEN }, () => ({ token, seen: [] })),
  );
  const connect = () =>
    Promise.all(
      watchers.map(async (watcher) => {
        const last = watcher.seen.at(-1);
        const headers = {
          authorization: `Bearer ${watcher.token}`,
          ...(last !== undefined && { 'last-event-id': last }),
        };
        const url = `${server.url}/v1/events?types=config.draft_changed`;
        watcher.source = await readText(url, headers, (text) => {
          const now = Date.now();
          for (const [, id = '', time = ''] of text.matchAll(MESSAGE)) {
            watcher.seen.push(id);
            delays.push(now - timeOf(time));
          }
        });
      }),
    );
  const all = (count: number) => expect.poll(() => watchers.every(({ seen }) => seen.length >= count)).toBe(true);
  onTestFinished(() => {
    for (const { source } of watchers) source?.close();
  });
  await connect();
  for (let round = 1; round <= ROUNDS; round += 1) await write(server, writer, round);
  await all(WRITERS * ROUNDS);
  const sorted = delays.toSorted((a, b) => a - b);
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  const rss_mib = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;
  process.kill(server.pid, 'SIGKILL');
  await Promise.all(watchers.map(({ source }) => source?.ended));
  server = await startHttp(workspace);
  await write(server, writer, ROUNDS + 1);
  await connect();
  await write(server, writer, ROUNDS + 2);
  await all(WRITERS * (ROUNDS + 2));
  const [first] = watchers;
  expect(first?.seen).toEqual(first?.seen.toSorted());
  expect(new Set(first?.seen).size).toBe(WRITERS * (ROUNDS + 2));
  for (const { seen } of watchers) expect(seen).toEqual(first?.seen);
  for (const { source } of watchers) source?.close();
  await server.stop();
  return { deliveries: sorted.length, p50, p99, rss_mib };
}
