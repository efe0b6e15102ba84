import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { startFaultProxy } from './fault-proxy.ts';

/** Somebody who says back what was said to it, and a proxy before it. */
async function echoBehindProxy() {
  const heard: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => heard.push(String(chunk)));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, heard };
}

/** Says something, ends, and gives the answer and the time that it took; the name of the fault when there was one. */
async function say({ port }: { port: number }, words: string): Promise<{ answer: string; ms: number }> {
  const began = performance.now();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setTimeout(1500, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'SILENCE' })));
  socket.end(words);
  const answer = await text(socket).catch((error: NodeJS.ErrnoException) => String(error.code));
  return { answer, ms: performance.now() - began };
}

it('passes everything on when nothing is wrong', async () => {
  const { proxy } = await echoBehindProxy();
  const long = 'x'.repeat(2_000_000);
  expect((await say(proxy, long)).answer).toBe(long);
  expect((await say(proxy, 'two')).answer).toBe('two');
  expect(proxy.connections()).toBe(2);
});

it('delays', async () => {
  const { proxy } = await echoBehindProxy();
  proxy.becomes({ kind: 'delay', ms: 150 });
  const { answer, ms } = await say(proxy, 'late');
  expect([answer, ms >= 290]).toEqual(['late', true]);
});

it('drops: neither arrives what was said, nor is anybody told', async () => {
  const { proxy, heard } = await echoBehindProxy();
  proxy.becomes({ kind: 'drop' });
  expect((await say(proxy, 'lost')).answer).toBe('SILENCE');
  expect(heard).toEqual([]);
});

it('resets', async () => {
  const { proxy } = await echoBehindProxy();
  proxy.becomes({ kind: 'reset' });
  expect((await say(proxy, 'x')).answer).toBe('ECONNRESET');
});

it('closes half: what was said arrives, the answer does not', async () => {
  const { proxy, heard } = await echoBehindProxy();
  proxy.becomes({ kind: 'half-close' });
  expect((await say(proxy, 'heard')).answer).toBe('');
  expect(heard).toEqual(['heard']);
});

it('throttles the answer, until it is mended', async () => {
  const { proxy } = await echoBehindProxy();
  proxy.becomes({ kind: 'throttle', bytes_per_second: 20 });
  const asked = say(proxy, 'x'.repeat(100));
  await sleep(300);
  proxy.becomes({ kind: 'none' });
  const { answer, ms } = await asked;
  expect([answer.length, ms >= 250, ms < 1500]).toEqual([100, true, true]);
});

it('is gone, and comes back on the same port', async () => {
  const { proxy } = await echoBehindProxy();
  await proxy.close();
  expect((await say(proxy, 'x')).answer).toBe('ECONNREFUSED');
  await proxy.open();
  expect((await say(proxy, 'back')).answer).toBe('back');
});
