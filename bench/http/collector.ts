import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** Makes another process collect its garbage, so that what is left is what it holds (Chrome DevTools Protocol). */
export interface Collector {
  collect(): Promise<void>;
  /** The value of an expression there. */
  evaluate(expression: string): Promise<unknown>;
  close(): void;
}

/** A port that is free now, for `--inspect` of a process that is about to start. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function collectorAt(port: number): Promise<Collector> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
  await once(socket, 'open');
  let id = 0;
  const ask = async (method: string, params: object = {}) => {
    id += 1;
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ id, method, params }));
    return JSON.parse((await answered)[0].data);
  };
  return {
    collect: async () => void (await ask('HeapProfiler.collectGarbage')),
    evaluate: async (expression) =>
      (await ask('Runtime.evaluate', { expression, returnByValue: true })).result.result.value,
    close: () => socket.close(),
  };
}
