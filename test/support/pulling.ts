import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { eventId } from '../../src/core/event.ts';
import { callOn } from '../crash/invariants.ts';
import { API_KEY, restInProcess } from '../hostile/server.ts';
import { listenWhenFree } from './listen.ts';
import { testWorkspace, type Workspace } from './workspace.ts';

/** A server that publishes, a machine that pulls, and what lies between them: two homes stand for two machines. */

export const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });

/** What `get_config` answers, as somebody on the way sees it. */
export interface Offer {
  payload: { mcpServers: Record<string, { args: string[] }> };
  envelope: { payload: string; signatures: { keyid: string; sig: string }[] };
  pointer: Offer['envelope'] | null;
}
/** A function in its place writes the whole answer itself. */
type Change = (offer: Offer) => unknown;

interface Settings {
  workspace?: Workspace;
  now?: () => Date;
}

/** A server for others. */
export async function publisher({ workspace, now }: Settings = {}) {
  const rest = await restInProcess({ mode: 'server', ...(workspace && { workspace }), ...(now && { now }) });
  const url = await rest.server.listen({ host: '127.0.0.1', port: 0 });
  await callOn(rest.app, 'initialize_keys');
  const ask = async (path: string, body: object) => {
    const headers = { 'x-api-key': API_KEY, 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  return {
    ...rest,
    url,
    public_key: join(rest.workspace.data_dir, 'keys/signing.pub'),
    ask,
    publish: (word: string, more: object = {}, profile = 'default') =>
      ask(`/v1/config/cursor/${profile}/publish`, { payload: payload(word), ...more }),
    token: async (scopes: string[]) => String((await ask('/v1/tokens', { scopes })).token),
  };
}

/** The way to a server. Whoever sits on it can change what is answered, or cut it. Event streams do not get through, but can be forged. */
export async function wayTo(url: string) {
  const changes = new Map<string, Change>();
  let told: readonly number[] = [];
  const tell = async (response: ServerResponse) => {
    if (told.length === 0) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const number of told) {
      const event = { id: eventId(number), type: 'config.published' };
      response.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      await sleep(1);
    }
  };
  const changeOf = (path: string) => changes.get([...changes.keys()].find((start) => path.startsWith(start)) ?? '');
  const relay = () =>
    createServer(({ url: path = '', headers: { authorization } }, response) => {
      const answered = async () => {
        if (path.startsWith('/v1/events')) return tell(response);
        const answer = await fetch(url + path, { headers: authorization === undefined ? {} : { authorization } });
        const body: unknown = await answer.json();
        const changed = answer.ok ? await (changeOf(path)?.(body as Offer) ?? body) : body;
        if (typeof changed === 'function') return void changed(response);
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(changed));
      };
      answered().catch(() => response.destroy());
    });
  let server = relay();
  await listenWhenFree(server, 0);
  const { port } = server.address() as AddressInfo;
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  onTestFinished(cut);
  return {
    url: `http://127.0.0.1:${port}`,
    /** From now on everything is answered so. */
    becomes: (next: Change) => void changes.set('/v1/config/', next),
    becomesAt: (start: string, next: Change) => void changes.set(start, next),
    /** Events with these numbers, one each millisecond. */
    tellsOf: (numbers: readonly number[]) => {
      told = numbers;
    },
    cut,
    async mend() {
      server = relay();
      await listenWhenFree(server, port);
    },
  };
}

/** A machine that pulls from there, and trusts nobody yet. */
export async function puller(server: string, token: string): Promise<Workspace> {
  const workspace = await testWorkspace();
  Object.assign(workspace.env, { MCP_ORCHESTRATION_SERVER: server, MCP_ORCHESTRATION_TOKEN: token });
  return workspace;
}
