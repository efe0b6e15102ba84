import type { FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Context } from '../../operations/operation.ts';
import { openSqlite } from '../../stores/sqlite.ts';
import { keyedRequest, once } from './idempotency.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

const asked = { key: 'k1', request_sha256: 'a'.repeat(64) };
const answer = (text: string, status = 200) => ({ status, body: text, secret: false });
const later = (ms: number) => new Date(Date.parse('2026-11-27T12:00:00.000Z') + ms);

/** A door with a clock of its own, on a store of its own unless one is given. */
async function door(store?: Context['store']) {
  const own = store ?? (await openSqlite(':memory:'));
  if (!store) onTestFinished(() => own.close());
  const warnings: string[] = [];
  const clock = { at: later(0) };
  const context = {
    store: own,
    workspace: 'default',
    request_id: 'req_1',
    principal: { actor: 'token:tok_1', kind: 'user', scopes: new Set(), binding: {} },
    now: () => clock.at,
    services: { log: { warn: (_fields: object, message: string) => warnings.push(message) } },
  } as unknown as Context;
  return { context, clock, warnings };
}

test('an owner that was taken for dead commits nothing any more', async () => {
  const { context } = await door();
  const rival = await door(context.store);
  rival.clock.at = later(30_000);
  const profile = { client_id: 'cursor', profile_id: 'team', display_name: '', description: '', created_at: 'now' };
  const work = once(asked, context, async (keep) => {
    expect(await once(asked, rival.context, async () => answer('of the rival'))).toMatchObject({ replayed: false });
    await context.store.transaction(async (store) => {
      await store.profiles.create('default', profile);
      await keep(answer('of the first'), store);
    });
    return answer('of the first');
  });
  await expect(work).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', details: { reason: 'in_progress' } });
  expect(await context.store.profiles.list('default')).toEqual([]);
  const again = await once(asked, context, async () => answer('not asked'));
  expect([again.replayed, again.answer.body]).toEqual([true, 'of the rival']);
});

test('who is at work for long keeps the key, and who is finished renews nothing', async () => {
  const { context, clock, warnings } = await door();
  const rival = await door(context.store);
  const { promise, resolve } = Promise.withResolvers<ReturnType<typeof answer>>();
  const work = once(asked, context, () => promise);
  for (let seconds = 10; seconds <= 60; seconds += 10) {
    clock.at = rival.clock.at = later(seconds * 1000);
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(once(asked, rival.context, () => promise)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  }
  resolve(answer('done'));
  expect(await work).toMatchObject({ replayed: false });
  expect(vi.getTimerCount()).toBe(0);
  expect(warnings).toEqual([]);
});

test('an answer that cannot be stored is sent all the same, and the log hears of it', async () => {
  const store = await openSqlite(':memory:');
  const { context, warnings } = await door(store);
  const work = once(asked, context, async () => {
    await vi.advanceTimersByTimeAsync(10_000);
    await store.close();
    await vi.advanceTimersByTimeAsync(10_000);
    return answer('done');
  });
  expect((await work).answer.body).toBe('done');
  expect(warnings).toEqual([
    'the lease of an Idempotency-Key could not be renewed',
    'the answer to a request with an Idempotency-Key could not be stored',
  ]);
});

test('a transaction that is given up after its answer was stored in it leaves no answer behind', async () => {
  const { context } = await door();
  const failed = await once(asked, context, async (keep) => {
    const work = context.store.transaction(async (store) => {
      await keep(answer('committed'), store);
      throw new Error('the disk is full');
    });
    await work.catch(() => undefined);
    return answer('unavailable', 503);
  });
  expect(failed).toMatchObject({ replayed: false, answer: { status: 503 } });
  expect(await once(asked, context, async () => answer('second'))).toMatchObject({ replayed: false });
});

test('a request is the same when method, path, query, If-Match and the meaning of the body are', () => {
  const request = (more: object = {}, key: unknown = 'k') =>
    ({ method: 'POST', url: '/a?b=1', body: { x: 1, y: [2] }, headers: { 'idempotency-key': key }, ...more }) as never;
  const digest = (more: object) => keyedRequest(request(more) as FastifyRequest)?.request_sha256;
  const first = digest({});
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(digest({ body: { y: [2], x: 1 } })).toBe(first);
  expect(digest({ headers: { 'idempotency-key': 'other', 'user-agent': 'x' } })).toBe(first);
  expect(digest({ body: undefined })).toBe(digest({ body: {} }));
  const others = [
    { url: '/a' },
    { url: '/a?b=2' },
    { body: [1] },
    { body: { x: 1, y: [2, 3] } },
    { headers: { 'idempotency-key': 'k', 'if-match': '"1"' } },
  ].map(digest);
  expect(new Set([first, ...others]).size).toBe(6);
  expect(keyedRequest(request({ method: 'PUT' }) as FastifyRequest)).toBeUndefined();
  expect(keyedRequest(request({}, undefined) as FastifyRequest)).toMatchObject({ key: 'k' });
  expect(keyedRequest(request({ headers: {} }) as FastifyRequest)).toBeUndefined();
});
