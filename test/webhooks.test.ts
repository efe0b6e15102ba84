import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { callOn } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { cliJson } from './support/process.ts';
import { type Answer, broken, first, good, receiver, signatureOf } from './support/receivers.ts';
import { eventually, running } from './support/sending.ts';

const EVENTS = ['config.published'];
const HOUR = 3_600_000;

describe('a webhook', () => {
  it('is sent the event as every other door shows it, signed over id, time and body', async () => {
    const there = await receiver();
    const { app, subscribe, publish, send, deliveries, lines } = await running([there]);
    const { webhook_id, secret } = await subscribe(there);
    send(app);
    await publish();
    const [message] = await there.until(1);
    if (!message) throw new Error('nothing came');
    const { changes } = (await callOn(app, 'list_changes', { types: 'config.published' })) as { changes: object[] };
    expect(message.event).toEqual(changes[0]);
    expect(message.headers['content-type']).toBe('application/json');
    expect(message.signatures).toEqual([signatureOf(secret, message)]);
    expect(Math.abs(message.timestamp - Date.now() / 1000)).toBeLessThan(60);
    const [delivery] = await eventually(
      () => deliveries(webhook_id),
      ([one]) => one?.status === 'delivered',
    );
    expect(delivery).toEqual({
      delivery_id: message.id,
      event_id: message.event.id,
      type: 'config.published',
      status: 'delivered',
      attempts: 1,
      response_status: 204,
      next_attempt_at: null,
    });
    expect(JSON.stringify(await callOn(app, 'list_webhooks'))).not.toContain(secret);
    expect(lines.join('\n')).not.toContain(secret.slice(6));
    expect(message.body).not.toContain('value-1');
  });

  it('is not sent what it did not ask for, but for a test', async () => {
    const [one, other] = [await receiver(), await receiver()];
    const { app, subscribe, publish, send } = await running([one, other]);
    const { webhook_id } = await subscribe(one, ['config.deployed']);
    await subscribe(other);
    send(app);
    await publish();
    await callOn(app, 'test_webhook', { webhook_id });
    await other.until(1);
    const [message] = await one.until(1);
    expect(message?.event).toMatchObject({ type: 'webhook.test', data: { webhook_id } });
    await callOn(app, 'delete_webhook', { webhook_id });
    await publish();
    await other.until(2);
    await sleep(200);
    expect([one.received.length, other.received.length]).toEqual([1, 2]);
  });

  it('has two signatures for a day after its secret was replaced', async () => {
    const there = await receiver();
    const { app, subscribe, send, skip } = await running([there]);
    const { webhook_id, secret: old } = await subscribe(there);
    const { secret } = (await callOn(app, 'rotate_webhook_secret', { webhook_id })) as { secret: string };
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{58}==$/);
    expect(secret).not.toBe(old);
    send(app);
    await callOn(app, 'test_webhook', { webhook_id });
    const [both] = await there.until(1);
    if (!both) throw new Error('nothing came');
    expect(both.signatures).toEqual([signatureOf(secret, both), signatureOf(old, both)]);
    skip(24 * HOUR + 1);
    await callOn(app, 'test_webhook', { webhook_id });
    const alone = (await there.until(2))[1];
    if (!alone) throw new Error('nothing came');
    expect(alone.signatures).toEqual([signatureOf(secret, alone)]);
  });

  it('is tried ten times in 75 hours under one id, then parked, and sent again when somebody asks', async () => {
    const there = await receiver(broken);
    const { app, subscribe, publish, send, skip, deliveries } = await running([there]);
    const { webhook_id } = await subscribe(there);
    send(app);
    await publish();
    let waited = 0;
    for (let tries = 1; tries < 10; tries += 1) {
      const before = Date.now() + waited;
      const [delivery] = await eventually(
        () => deliveries(webhook_id),
        ([one]) => one?.attempts === tries,
      );
      expect(delivery).toMatchObject({ status: 'pending', response_status: 500 });
      const pause = Date.parse(delivery?.next_attempt_at ?? '') - before;
      if (tries === 1) expect(pause).toBeLessThan(10_000);
      waited += pause;
      skip(pause);
    }
    const [parked] = await eventually(
      () => deliveries(webhook_id),
      ([one]) => one?.status === 'parked',
    );
    expect(parked).toMatchObject({ attempts: 10, response_status: 500, next_attempt_at: null });
    expect(waited / HOUR).toBeGreaterThan(70);
    expect(waited / HOUR).toBeLessThan(80);
    const { webhooks } = (await callOn(app, 'list_webhooks')) as { webhooks: { status: string }[] };
    expect(webhooks[0]?.status).toBe('failing');
    skip(1000 * HOUR);
    await sleep(1500);
    expect(there.received.length).toBe(10);
    expect(new Set(there.received.map(({ id, body }) => id + body)).size).toBe(1);
    there.answer = good;
    await callOn(app, 'replay_webhook_delivery', { webhook_id, delivery_id: parked?.delivery_id });
    await there.until(11);
    expect(there.received[10]?.id).toBe(parked?.delivery_id);
    await eventually(
      () => deliveries(webhook_id),
      ([one]) => one?.status === 'delivered' && one.attempts === 1,
    );
  });

  it('of a host that the resolver cannot even look for is no fault of ours', async () => {
    const { app } = await running([]);
    const url = `https://${'long.'.repeat(60)}example.com/hook`;
    expect(await callOn(app, 'subscribe_webhook', { url, events: EVENTS })).toMatchObject({ url });
  });

  it('is sent what happened while the clock was a year ahead', async () => {
    const there = await receiver();
    const { app, send, skip, subscribe, publish } = await running([there]);
    await subscribe(there);
    await publish();
    skip(-365 * 24 * HOUR);
    send(app);
    await there.until(1);
  });

  it('is sent everything once by two processes that send from one store', async () => {
    const there = [await receiver(), await receiver(), await receiver()];
    const { app, start, subscribe, publish, send } = await running(there);
    for (const one of there) await subscribe(one);
    send(app);
    send(await start());
    for (let i = 0; i < 30; i += 1) await publish();
    for (const one of there) await one.until(30);
    await sleep(300);
    for (const { received } of there) {
      expect(received.length).toBe(30);
      expect(new Set(received.map(({ id }) => id)).size).toBe(30);
    }
  });
});

describe('the secret of a webhook', () => {
  it('is in the answer that makes it, and in no other one, whoever asks again', async () => {
    const { app, server, workspace, unexpected } = await restInProcess();
    const ask = async (method: 'GET' | 'POST', url: string, body?: object, headers: object = {}) => {
      const answer = await server.inject({
        method,
        url,
        headers: { 'x-api-key': API_KEY, ...headers },
        ...(body && { payload: body }),
      });
      return { status: answer.statusCode, text: answer.body, json: answer.json() };
    };
    const hook = { url: 'https://93.184.216.34/hook', events: EVENTS };
    const made = await ask('POST', '/v1/webhooks', hook, { 'idempotency-key': 'one' });
    expect([made.status, Object.keys(made.json)]).toEqual([
      201,
      ['webhook_id', 'url', 'events', 'secret', 'created_at'],
    ]);
    const again = await ask('POST', '/v1/webhooks', hook, { 'idempotency-key': 'one' });
    expect([again.status, again.json.error.details.reason]).toEqual([409, 'answer_not_kept']);
    const { webhook_id, secret } = made.json;
    const rotated = await ask('POST', `/v1/webhooks/${webhook_id}/rotate`, {}, { 'idempotency-key': 'two' });
    expect(rotated.status).toBe(200);
    const others = [
      await ask('GET', '/v1/webhooks'),
      await ask('POST', `/v1/webhooks/${webhook_id}/test`),
      await ask('GET', `/v1/webhooks/${webhook_id}/deliveries`),
      await ask('GET', '/v1/changes'),
    ];
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { rows } = await app.store.audit.list('default', { limit: 10 });
    expect(rows.map(({ operation, facts }) => [operation, facts['webhook_id'] ?? facts['delivery_id']])).toEqual([
      ['webhooks.test', others[1]?.json.delivery_id],
      ['webhooks.rotateSecret', webhook_id],
      ['webhooks.subscribe', webhook_id],
    ]);
    const shown = [again.text, ...others.map(({ text }) => text), JSON.stringify(rows), ...unexpected].join('\n');
    for (const one of [secret, rotated.json.secret]) expect(shown).not.toContain(one.slice('whsec_'.length));

    const { token } = await cliJson(workspace, 'generate-token', '--kind', 'agent', '--role', 'admin');
    const agent = { authorization: `Bearer ${token}` };
    const refused = await server.inject({ method: 'GET', url: '/v1/webhooks', headers: agent });
    expect(refused.statusCode).toBe(403);
  });
});

/** All that a receiver can do wrong, and that is no reason to lose something or to keep others waiting. */
const FAULTS: Record<string, Answer> = {
  'never answers': () => undefined,
  'resets the connection': (_response, socket) => void socket.resetAndDestroy(),
  'closes the connection': (_response, socket) => void socket.destroy(),
  'answers 500': broken,
  'answers one byte each second': (_response, socket) => {
    const bytes = [...'HTTP/1.1 204 No Content\r\nx-slow: yes, very slow indeed\r\n\r\n'];
    const timer = setInterval(() => socket.write(bytes.shift() ?? ''), 1000);
    socket.once('close', () => clearInterval(timer));
  },
  'answers what is no HTTP': (_response, socket) => void socket.end('hello\r\n\r\n'),
  'changes the protocol': (response) =>
    void response.writeHead(101, { connection: 'upgrade', upgrade: 'websocket' }).end(),
};

describe('a receiver', () => {
  it('that is at fault loses nothing, and keeps no other one waiting', async () => {
    const calm = await receiver();
    const bad = await Promise.all(Object.values(FAULTS).map((fault) => receiver(first(fault))));
    const { app, subscribe, publish, send, deliveries } = await running([calm, ...bad]);
    const hooks = await Promise.all([calm, ...bad].map((one) => subscribe(one)));
    send(app);
    const delays: number[] = [];
    for (let i = 1; i <= 12; i += 1) {
      const before = performance.now();
      await publish();
      await calm.until(i);
      delays.push((calm.received[i - 1]?.at ?? 0) - before);
    }
    expect(Math.max(...delays)).toBeLessThan(2000);
    const ids = calm.received.map(({ event }) => event.id);
    for (const { webhook_id } of hooks) {
      const seen = await eventually(
        () => deliveries(webhook_id),
        (all) => all.every(({ status }) => status === 'delivered'),
        40_000,
      );
      expect(seen.map(({ event_id }) => event_id).toReversed()).toEqual(ids);
    }
    for (const [at, one] of bad.entries()) {
      const tries = one.received.map(({ event }) => event.id);
      expect([...new Set(tries)].toSorted(), Object.keys(FAULTS)[at]).toEqual(ids);
      expect(tries.length, Object.keys(FAULTS)[at]).toBe(13);
    }
  });

  it('that hangs is cut off after ten seconds, and as many of them as there are leave room for others', {
    timeout: 120_000,
  }, async () => {
    const calm = await receiver();
    const hanging = await Promise.all(Array.from({ length: 12 }, () => receiver(() => undefined)));
    const { app, subscribe, publish, send, deliveries } = await running([calm, ...hanging]);
    const hooks = await Promise.all(hanging.map((one) => subscribe(one)));
    const sender = send(app);
    await publish();
    for (const one of hanging) await one.until(1, 30_000);
    // From here on it is known of all of them, but for those that are being tried for the first time.
    await eventually(
      async () => (await Promise.all(hooks.map(({ webhook_id }) => deliveries(webhook_id)))).flat(),
      (all) => all.every(({ attempts }) => attempts > 0),
      30_000,
    );
    await subscribe(calm);
    const before = performance.now();
    await publish();
    await calm.until(1);
    expect(performance.now() - before).toBeLessThan(2000);
    const stopping = performance.now();
    await sender.stop();
    expect(performance.now() - stopping).toBeLessThan(5000);
  });

  it('that redirects to a private address is not followed, and its answer is a failure', async () => {
    const secretPlace = await receiver();
    const there = await receiver((response) => void response.writeHead(307, { location: secretPlace.url }).end());
    const { app, subscribe, publish, send, deliveries } = await running([there]);
    const { webhook_id } = await subscribe(there);
    send(app);
    await publish();
    const [delivery] = await eventually(
      () => deliveries(webhook_id),
      ([one]) => one?.attempts === 1,
    );
    expect(delivery).toMatchObject({ status: 'pending', response_status: 307 });
    expect(secretPlace.connections()).toBe(0);
  });

  it('that answers ten megabytes is read no further than it has to be', async () => {
    const there = await receiver((response) => {
      response.writeHead(200);
      const block = Buffer.alloc(64 * 1024);
      let left = 160;
      const more = () => {
        while (left > 0 && !response.destroyed) {
          left -= 1;
          if (!response.write(block)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const { app, subscribe, publish, send, deliveries } = await running([there]);
    const { webhook_id } = await subscribe(there);
    send(app);
    await publish();
    await eventually(
      () => deliveries(webhook_id),
      ([one]) => one?.status === 'delivered',
    );
    await sleep(200);
    expect(there.written()).toBeLessThan(9 * 1024 * 1024);
  });

  it('that is done with its answer after the status, however badly, had the message and gets it once', {
    timeout: 120_000,
  }, async () => {
    const begun = (go: (socket: Socket) => void): Answer => {
      return (response, socket) => {
        response.writeHead(200, { 'content-length': '100' }).write('half');
        go(socket);
      };
    };
    const there = await Promise.all(
      [
        begun((socket) => void setTimeout(() => socket.resetAndDestroy(), 50)),
        begun((socket) => void setTimeout(() => socket.destroy(), 50)),
        begun(() => undefined),
        (_response: ServerResponse, socket: Socket) =>
          void socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n'),
      ].map((answer) => receiver(answer)),
    );
    const { subscribe, publish, send, deliveries, app } = await running(there);
    const hooks = await Promise.all(there.map((one) => subscribe(one)));
    send(app);
    await publish();
    for (const { webhook_id } of hooks) {
      const [delivery] = await eventually(
        () => deliveries(webhook_id),
        ([one]) => (one?.attempts ?? 0) > 0,
      );
      expect(delivery).toMatchObject({ status: 'delivered', attempts: 1, response_status: 200 });
    }
  });

  it('keeps its connection from one message to the next', async () => {
    const there = await receiver();
    const { app, subscribe, publish, send } = await running([there]);
    await subscribe(there);
    send(app);
    for (let i = 1; i <= 5; i += 1) {
      await publish();
      await there.until(i);
    }
    expect(there.connections()).toBe(1);
  });
});
