import { expect, it } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { draft, idempotent, ODD, OTHER, T0, W } from './store-rows.ts';

export function idempotencyCases(store: () => Store): void {
  const row = idempotent('k1');
  const rival = idempotent('k1', { owner: 'rival' });
  const done = { status: 201, body: `{"odd":${JSON.stringify(ODD)}}` };
  const begin = (of = rival, at = T0, workspace = W) => store().idempotency.begin(workspace, of, at);

  it('gives a key to the first who asks, and shows the others what stands in the way', async () => {
    expect(await begin(row)).toBeUndefined();
    expect(await begin()).toStrictEqual({ ...row, status: null, body: null });
    expect(await begin(idempotent('k1', { request_sha256: 'e'.repeat(64) }))).toMatchObject({ owner: row.owner });
  });

  it('lets exactly one of many who ask at once have it', async () => {
    const all = Array.from({ length: 10 }, (_, n) => begin(idempotent('k1', { owner: `owner ${n}` })));
    const seen = await Promise.all(all);
    const won = seen.flatMap((found, n) => (found === undefined ? [`owner ${n}`] : []));
    expect(won).toHaveLength(1);
    expect(new Set(seen.flatMap((found) => found?.owner ?? []))).toEqual(new Set(won));
  });

  it('keeps the keys of workspaces and actors apart', async () => {
    await begin(row);
    expect(await begin(row, T0, OTHER)).toBeUndefined();
    expect(await begin(idempotent('k1', { actor: 'api-key' }))).toBeUndefined();
    expect(await begin(idempotent('K1'))).toBeUndefined();
  });

  it('keeps the answer of the owner, once, and gives it back as it was', async () => {
    await begin(row);
    expect(await store().idempotency.settle(W, rival, done)).toBe(false);
    expect(await store().idempotency.settle(OTHER, row, done)).toBe(false);
    expect(await store().idempotency.settle(W, row, done)).toBe(true);
    expect(await begin()).toStrictEqual({ ...row, ...done });
    expect(await store().idempotency.settle(W, row, { status: 200, body: null })).toBe(false);
    expect(await store().idempotency.release(W, row)).toBe(false);
    expect(await store().idempotency.renew(W, row, row.expires_at)).toBe(false);
    expect(await begin()).toStrictEqual({ ...row, ...done });
  });

  it('gives a key that its owner has released to the next one', async () => {
    await begin(row);
    expect(await store().idempotency.release(W, rival)).toBe(false);
    expect(await store().idempotency.release(W, row)).toBe(true);
    expect(await begin()).toBeUndefined();
    expect(await store().idempotency.release(W, row)).toBe(false);
  });

  it('lets the same request take over from the moment at which the lease is over, and shuts the first owner out', async () => {
    await begin(row);
    expect(await begin(rival, '2026-11-22T10:00:29.999Z')).toMatchObject({ owner: row.owner });
    const other = idempotent('k1', { owner: 'other', request_sha256: 'e'.repeat(64) });
    expect(await begin(other, row.lease_until)).toMatchObject({ owner: row.owner });
    expect(await begin(rival, row.lease_until)).toBeUndefined();
    expect(await store().idempotency.settle(W, row, done)).toBe(false);
    expect(await store().idempotency.renew(W, row, row.expires_at)).toBe(false);
    expect(await store().idempotency.release(W, row)).toBe(false);
    expect(await store().idempotency.settle(W, rival, done)).toBe(true);
  });

  it('makes a lease longer for its owner', async () => {
    await begin(row);
    expect(await store().idempotency.renew(W, row, '2026-11-22T10:01:00.000Z')).toBe(true);
    expect(await begin(rival, row.lease_until)).toMatchObject({ owner: row.owner });
    expect(await begin(rival, '2026-11-22T10:01:00.000Z')).toBeUndefined();
  });

  it('forgets an answer at the moment at which it expires, and never takes over a settled one before', async () => {
    await begin(row);
    await store().idempotency.settle(W, row, done);
    expect(await begin(rival, '2026-11-23T09:59:59.999Z')).toMatchObject(done);
    const later = { lease_until: '2026-11-23T10:00:30.000Z', expires_at: '2026-11-24T10:00:00.000Z' };
    const other = idempotent('k1', { owner: 'other', request_sha256: 'e'.repeat(64), ...later });
    expect(await begin(other, row.expires_at)).toBeUndefined();
    expect(await begin(row, T0)).toStrictEqual({ ...other, status: null, body: null });
  });

  it('removes what has expired in passing, in its own workspace', async () => {
    for (let n = 0; n < 30; n++) await begin(idempotent(`old ${n}`));
    await begin(idempotent('elsewhere'), T0, OTHER);
    const late = '2026-11-24T10:00:00.000Z';
    const fresh = { expires_at: '2026-11-25T10:00:00.000Z', lease_until: '2026-11-24T10:00:30.000Z' };
    for (let n = 0; n < 2; n++) await begin(idempotent(`new ${n}`, fresh), late);
    // An instant before they expired would show them, were they still there.
    for (let n = 0; n < 30; n++) expect(await begin(idempotent(`old ${n}`, fresh))).toBeUndefined();
    expect(await begin(idempotent('elsewhere'), T0, OTHER)).toBeDefined();
    expect(await begin(idempotent('new 0', fresh), late)).toBeDefined();
  });

  it('settles a row together with what a transaction changes, or not at all', async () => {
    await begin(row);
    const work = store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      expect(await tx.idempotency.settle(W, row, done)).toBe(true);
      throw new Error('stop');
    });
    await expect(work).rejects.toThrow('stop');
    expect(await begin()).toMatchObject({ owner: row.owner, status: null });
    await store().transaction((tx) => tx.idempotency.settle(W, row, done));
    expect(await begin()).toMatchObject(done);
  });
}
