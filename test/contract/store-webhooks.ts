import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ClaimedDelivery } from '../../src/stores/rows.ts';
import type { Store } from '../../src/stores/store.ts';
import { event, ODD, OTHER, T0, T1, W, webhook } from './store-rows.ts';

const KEEP = 1000;
const LATER = '2026-11-22T11:00:00.000Z';
const HORIZON = '2026-11-24T10:00:00.000Z';
const NEXT_YEAR = '2027-11-22T10:00:00.000Z';
const DELIVERED = { status: 'delivered', attempts: 1, response_status: 204, next_attempt_at: null } as const;
const FAILED = { status: 'pending', attempts: 1, response_status: 500, next_attempt_at: LATER } as const;

export function webhookCases(store: () => Store): void {
  let owners = 0;
  const claim = (at = T1, more: { until?: string; healthy?: boolean } = {}) => {
    owners += 1;
    const lease = { owner: `owner-${owners}`, at, until: LATER, horizon: HORIZON, healthy: false };
    return store().webhooks.claim({ ...lease, ...more });
  };
  const claimed = async (at = T1): Promise<ClaimedDelivery> => {
    const found = await claim(at);
    if (!found) throw new Error('nothing is due');
    return found;
  };
  const happens = (more: Parameters<typeof event>[0] = {}, workspace = W) =>
    store().events.append(workspace, event({ time: T0, ...more }), KEEP);
  const statuses = async (webhook_id = 'whk_1', workspace = W) =>
    (await store().webhooks.deliveries(workspace, webhook_id, { limit: 10 })).rows.map(
      ({ event: { number }, status }) => `${number} ${status}`,
    );

  it('keeps webhooks of each workspace, and lists them newest first in pages', async () => {
    const rows = ['whk_1', 'whk_2', 'whk_3'].map((webhook_id) => webhook({ webhook_id, url: `https://a/${ODD}` }));
    for (const row of rows) await store().webhooks.insert(W, row);
    await store().webhooks.insert(OTHER, webhook());
    expect(await store().webhooks.get(W, 'whk_2')).toStrictEqual(rows[1]);
    expect(await store().webhooks.get(OTHER, 'whk_2')).toBeUndefined();
    const first = await store().webhooks.list(W, { limit: 2 });
    expect(first.rows).toStrictEqual([rows[2], rows[1]]);
    const second = await store().webhooks.list(W, { limit: 2, cursor: first.next_cursor ?? '' });
    expect(second).toStrictEqual({ rows: [rows[0]], next_cursor: null });
  });

  it('rotates the secret and keeps the one before', async () => {
    await store().webhooks.insert(W, webhook());
    expect(await store().webhooks.rotate(W, 'whk_1', 'second', T0)).toBe(true);
    expect(await store().webhooks.rotate(W, 'whk_1', 'third', T1)).toBe(true);
    const rotated = { secret: 'third', previous_secret: 'second', previous_until: T1 };
    expect(await store().webhooks.get(W, 'whk_1')).toStrictEqual(webhook(rotated));
    expect(await store().webhooks.rotate(OTHER, 'whk_1', 'fourth', T1)).toBe(false);
  });

  it('keeps nothing back for as long as a clock that was wrong has said', async () => {
    await store().webhooks.insert(W, webhook());
    const ahead = await happens({ time: NEXT_YEAR });
    await happens();
    const first = await claim(T1, { until: NEXT_YEAR });
    expect(first?.delivery.event.time).toBe(T0);
    // Whoever had it was killed.
    const second = await claimed();
    expect(second.delivery.event.time).toBe(T0);
    expect(await store().webhooks.settle(first as ClaimedDelivery, DELIVERED)).toBe(false);
    expect(await store().webhooks.settle(second, DELIVERED)).toBe(true);
    const third = await claimed();
    expect(third.delivery.event.number).toBe(ahead);
    expect(await claim()).toBeUndefined();
    await store().webhooks.settle(third, DELIVERED);
    expect(await claim()).toBeUndefined();
  });

  it('hands an event to those that want it, with the event or not at all', async () => {
    await store().webhooks.insert(W, webhook());
    await store().webhooks.insert(W, webhook({ webhook_id: 'whk_2', events: ['token.created'] }));
    await store().webhooks.insert(OTHER, webhook());
    const failing = store().transaction(async (tx) => {
      await tx.events.append(W, event(), KEEP);
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    expect(await statuses()).toEqual([]);
    expect(await happens({ data: { text: ODD } })).toBe(1);
    expect(await happens({ type: 'token.created' })).toBe(2);
    expect(await happens({ type: 'key.rotated' })).toBe(3);
    expect(await statuses()).toEqual(['3 pending', '1 pending']);
    expect(await statuses('whk_2')).toEqual(['2 pending']);
    expect(await statuses('whk_1', OTHER)).toEqual([]);
    const { rows } = await store().webhooks.deliveries(W, 'whk_1', { limit: 1, cursor: undefined });
    expect(rows[0]?.event).toStrictEqual({ ...event({ time: T0, type: 'key.rotated' }), number: 3 });
    await store().webhooks.deliver(W, 'whk_2', 1);
    expect(await statuses('whk_2')).toEqual(['2 pending', '1 pending']);
  });

  it('gives each delivery to one of many that ask, also while others say what came of the one before', async () => {
    await store().webhooks.insert(W, webhook());
    for (let i = 0; i < 100; i += 1) await happens();
    const numbers: number[] = [];
    const work = async () => {
      while (numbers.length < 100) {
        const found = await claim();
        if (!found) {
          await turn();
          continue;
        }
        numbers.push(found.delivery.event.number);
        await store().webhooks.settle(found, DELIVERED);
      }
    };
    await Promise.all(Array.from({ length: 5 }, work));
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it('gives a webhook one delivery at a time, and to one of many that ask', async () => {
    await store().webhooks.insert(W, webhook());
    await happens();
    await happens();
    const found = (await Promise.all(Array.from({ length: 5 }, () => claim()))).filter((one) => one !== undefined);
    expect(found.map(({ workspace, webhook: { webhook_id }, delivery }) => [workspace, webhook_id, delivery])).toEqual([
      [W, 'whk_1', expect.objectContaining({ event: { ...event({ time: T0 }), number: 1 }, attempts: 0 })],
    ]);
    expect(await store().webhooks.settle(found[0] as ClaimedDelivery, DELIVERED)).toBe(true);
    expect(await store().webhooks.settle(found[0] as ClaimedDelivery, DELIVERED)).toBe(false);
    expect(await statuses()).toEqual(['2 pending', '1 delivered']);
    expect((await claimed()).delivery.event.number).toBe(2);
    expect(await claim()).toBeUndefined();
  });

  it('gives each of two that ask at once something, when there is enough', async () => {
    for (const webhook_id of ['whk_1', 'whk_2']) await store().webhooks.insert(W, webhook({ webhook_id }));
    await happens();
    const both = await Promise.all([claim(), claim()]);
    expect(both.map((one) => one?.webhook.webhook_id).toSorted()).toEqual(['whk_1', 'whk_2']);
  });

  it('lets another one try when a lease has run out, and heeds the first no more', async () => {
    await store().webhooks.insert(W, webhook());
    await happens();
    const first = await claim(T0, { until: T1 });
    expect(await claim(T0)).toBeUndefined();
    const second = await claimed(T1);
    expect(await store().webhooks.settle(first as ClaimedDelivery, DELIVERED)).toBe(false);
    expect(await statuses()).toEqual(['1 pending']);
    await store().webhooks.release(second);
    expect((await claimed(T1)).delivery.attempts).toBe(0);
  });

  it('waits for the time of the next try, and counts failures of the webhook', async () => {
    await store().webhooks.insert(W, webhook());
    await happens();
    await store().webhooks.settle(await claimed(), FAILED);
    expect((await store().webhooks.get(W, 'whk_1'))?.failures).toBe(1);
    expect(await claim(T1)).toBeUndefined();
    expect(await claim(LATER, { healthy: true })).toBeUndefined();
    const again = await claimed(LATER);
    expect(again.delivery).toMatchObject(FAILED);
    await store().webhooks.settle(again, { ...DELIVERED, attempts: 2 });
    expect((await store().webhooks.get(W, 'whk_1'))?.failures).toBe(0);
  });

  it('gives every webhook its turn', async () => {
    for (const webhook_id of ['whk_1', 'whk_2']) await store().webhooks.insert(W, webhook({ webhook_id }));
    for (let i = 0; i < 2; i += 1) await happens();
    const turns: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      const one = await claimed(`2026-11-22T10:00:0${i + 1}.000Z`);
      turns.push(`${one.webhook.webhook_id} ${one.delivery.event.number}`);
      await store().webhooks.settle(one, DELIVERED);
    }
    expect(turns.slice(0, 2).toSorted()).toEqual(['whk_1 1', 'whk_2 1']);
    expect(turns.slice(2).toSorted()).toEqual(['whk_1 2', 'whk_2 2']);
  });

  it('replays what was delivered or given up, also while it is being tried', async () => {
    await store().webhooks.insert(W, webhook());
    await happens();
    await store().webhooks.settle(await claimed(), {
      ...FAILED,
      status: 'parked',
      attempts: 10,
      next_attempt_at: null,
    });
    expect(await claim(LATER)).toBeUndefined();
    expect(await store().webhooks.replay(W, 'whk_1', 2, T1)).toBe(false);
    expect(await store().webhooks.replay(OTHER, 'whk_1', 1, T1)).toBe(false);
    expect(await store().webhooks.replay(W, 'whk_1', 1, T1)).toBe(true);
    await store().webhooks.settle(await claimed(), FAILED);
    const trying = await claimed(LATER);
    expect(await store().webhooks.replay(W, 'whk_1', 1, T1)).toBe(true);
    await store().webhooks.settle(trying, { ...FAILED, status: 'parked', attempts: 2, next_attempt_at: null });
    const first = await claimed();
    expect(first.delivery).toMatchObject({ attempts: 0, status: 'pending' });
    expect(await store().webhooks.replay(W, 'whk_1', 1, LATER)).toBe(true);
    await store().webhooks.settle(first, DELIVERED);
    expect((await claimed(LATER)).delivery).toMatchObject({ attempts: 0, status: 'pending' });
  });

  it('removes a webhook with all that it was to be sent', async () => {
    await store().webhooks.insert(W, webhook());
    await store().webhooks.insert(OTHER, webhook());
    await happens();
    await happens({}, OTHER);
    const trying = await claimed();
    for (const workspace of [W, OTHER]) expect(await store().webhooks.remove(workspace, 'whk_1')).toBe(true);
    expect(await store().webhooks.remove(W, 'whk_1')).toBe(false);
    expect(await store().webhooks.settle(trying, DELIVERED)).toBe(false);
    expect([...(await statuses()), ...(await statuses('whk_1', OTHER))]).toEqual([]);
  });

  it('forgets finished deliveries of old events, and nothing that is still to be sent', async () => {
    await store().webhooks.insert(W, webhook());
    for (let i = 0; i < 2; i += 1) await happens();
    await store().webhooks.settle(await claimed(), DELIVERED);
    await store().transaction(async (tx) => {
      for (let i = 0; i < 254; i += 1) await tx.events.append(W, event({ type: 'token.created' }), 100);
    });
    expect(await statuses()).toEqual(['2 pending']);
  });
}
