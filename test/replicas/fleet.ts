import { mkdir, symlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { cliJson, type HttpServer, startHttp } from '../support/process.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

/** Several servers on one store, each with a data directory of its own and the keys of all. */
export interface Fleet {
  replicas: Replica[];
  /** The workspace whose key signs; its command line works on the same store. */
  first: Workspace;
  token: string;
  end(): Promise<void>;
}

export interface Replica {
  workspace: Workspace;
  /** Undefined while it is down. */
  server: HttpServer | undefined;
  start(): Promise<HttpServer>;
}

/** `env` names the store. The keys of the first are what the others find in the place of theirs. */
export async function startFleet(count: number, env: Record<string, string>): Promise<Fleet> {
  const ends: (() => Promise<void>)[] = [];
  const workspaces: Workspace[] = [];
  for (let n = 0; n < count; n += 1) {
    const workspace = await makeWorkspace();
    ends.push(workspace.remove);
    workspaces.push({ ...workspace, env: { ...workspace.env, ...env } });
  }
  const [first] = workspaces;
  if (first === undefined) throw new Error('a fleet has one server at least');
  await cliJson(first, 'initialize-keys');
  const { token } = await cliJson(first, 'generate-token');
  for (const { data_dir } of workspaces.slice(1)) {
    await mkdir(data_dir, { recursive: true, mode: 0o700 });
    await symlink(join(first.data_dir, 'keys'), join(data_dir, 'keys'));
  }
  const replicas = workspaces.map((workspace): Replica => {
    const replica: Replica = {
      workspace,
      server: undefined,
      async start() {
        const ended: (() => Promise<void>)[] = [];
        replica.server = await startHttp(workspace, { ends: (end) => ended.push(end), args: ['--log-level', 'error'] });
        ends.unshift(...ended);
        return replica.server;
      },
    };
    return replica;
  });
  await Promise.all(replicas.map((replica) => replica.start()));
  return {
    replicas,
    first,
    token: String(token),
    async end() {
      for (const end of ends) await end();
    },
  };
}

/**
 * What stands before replicas, as nginx or HAProxy do: one address, in turn to whoever takes the connection. A connection
 * that a replica refuses goes to the next one; what was sent to one stays with it.
 */
export interface Balancer {
  url: string;
  end(): Promise<void>;
}

export async function startBalancer(replicas: readonly Replica[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    track(client);
    turn += 1;
    const order = replicas.map((_, index) => replicas[(turn + index) % replicas.length]);
    const tryNext = () => {
      const next = order.shift();
      if (next === undefined) return void client.destroy();
      if (next.server === undefined) return tryNext();
      const upstream = connect({ port: Number(new URL(next.server.url).port), host: '127.0.0.1', allowHalfOpen: true });
      upstream.once('error', tryNext);
      upstream.once('connect', () => {
        upstream.off('error', tryNext);
        track(upstream);
        client.pipe(upstream).pipe(client);
        client.once('close', () => upstream.destroy());
        upstream.once('close', () => client.end());
      });
    };
    tryNext();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async end() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
