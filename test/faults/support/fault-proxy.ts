import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What goes wrong between two programs. It strikes bytes that come from then on, also on connections that are open. */
export type Fault =
  | { kind: 'none' }
  /** Everything arrives so much later. */
  | { kind: 'delay'; ms: number }
  /** Bytes are taken and go nowhere: nobody hears that the other one is gone. */
  | { kind: 'drop' }
  /** Connections end with RST at the first byte. */
  | { kind: 'reset' }
  /** What was asked arrives, and in place of the answer comes the end. */
  | { kind: 'half-close' }
  /** So many bytes of the answer in a second. */
  | { kind: 'throttle'; bytes_per_second: number };

export interface FaultProxy {
  host: string;
  port: number;
  /** `host:port` */
  place: string;
  /** What goes wrong from now on. */
  becomes(fault: Fault): void;
  /** Connections that were ever made to it. */
  connections(): number;
  /** Ends with RST what is open. */
  cut(): void;
  /** Nobody listens there any more, until `open`. */
  close(): Promise<void>;
  /** Listens again, on the port of before. */
  open(): Promise<void>;
}

/** Programs write and read through this, and what happens on the way is up to a test. */
export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let port = 0;
  let fault: Fault = { kind: 'none' };

  const add = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // the fault is what a test looks at, not what it does to the proxy
    socket.once('close', () => sockets.delete(socket));
  };

  /** Passes on what one side sends, one piece after the other; `answers`: it is the server who speaks. */
  async function pass(from: Socket, to: Socket, answers: boolean): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        const now = fault;
        if (now.kind === 'drop') continue;
        if (now.kind === 'reset') {
          for (const socket of [from, to]) socket.resetAndDestroy();
          return;
        }
        if (now.kind === 'half-close' && answers) return void to.end();
        if (now.kind === 'delay') await sleep(now.ms);
        if (now.kind === 'throttle' && answers) await trickle(chunk, to, now.bytes_per_second);
        else if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
      if (fault.kind !== 'drop') to.end();
    } catch {
      to.destroy(); // one side broke off: so does the other
    }
  }

  async function trickle(chunk: Buffer, to: Socket, bytes_per_second: number): Promise<void> {
    for (const byte of chunk) {
      // A mended line is fast at once.
      if (fault.kind === 'throttle') await sleep(1000 / bytes_per_second);
      if (to.destroyed) return;
      to.write(Buffer.of(byte));
    }
  }

  const listen = async () => {
    const made = createServer({ allowHalfOpen: true }, (client) => {
      connections += 1;
      const server = connect({ ...target, allowHalfOpen: true });
      for (const socket of [client, server]) add(socket);
      server.once('error', () => client.resetAndDestroy());
      void pass(client, server, false);
      void pass(server, client, true);
    });
    made.listen(port, '127.0.0.1');
    await once(made, 'listening');
    return made;
  };
  let listener = await listen();
  ({ port } = listener.address() as AddressInfo);

  const proxy: FaultProxy = {
    host: '127.0.0.1',
    port,
    place: `127.0.0.1:${port}`,
    becomes: (next) => {
      fault = next;
    },
    connections: () => connections,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      proxy.cut();
      await closed;
    },
    async open() {
      listener = await listen();
    },
  };
  return proxy;
}
