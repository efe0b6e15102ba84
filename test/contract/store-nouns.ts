import { beforeEach, expect, it } from 'vitest';
import type { ProfileRow } from '../../src/stores/rows.ts';
import type { Store } from '../../src/stores/store.ts';
import { artifact, audit, draft, key, ODD, OTHER, profile, release, T0, T1, token, W } from './store-rows.ts';

export function draftCases(store: () => Store): void {
  it('gives back a draft as it was saved, as a plain object', async () => {
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeUndefined();
    expect(await store().drafts.save(W, draft())).toBe(true);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toStrictEqual(draft());
    expect(await store().drafts.get(W, 'cursor', 'prod')).toBeUndefined();
  });

  it('saves revision 2 after 1 and refuses 1 again, 2 again and 4', async () => {
    await store().drafts.save(W, draft());
    const changed = draft({ revision: 2, payload: { mcpServers: {} }, updated_at: T1 });
    expect(await store().drafts.save(W, changed)).toBe(true);
    for (const revision of [1, 2, 4]) expect(await store().drafts.save(W, draft({ revision }))).toBe(false);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toStrictEqual(changed);
  });

  it('refuses a draft that does not start with revision 1', async () => {
    for (const revision of [0, 2, 7]) expect(await store().drafts.save(W, draft({ revision }))).toBe(false);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeUndefined();
  });

  it('lets exactly one of many writers of the same revision win', async () => {
    for (const revision of [1, 2, 3]) {
      const writers = Array.from({ length: 10 }, () => store().drafts.save(W, draft({ revision })));
      expect((await Promise.all(writers)).filter(Boolean)).toEqual([true]);
    }
  });
}

export function profileAndKeyCases(store: () => Store): void {
  it('creates a profile once and keeps the first', async () => {
    expect(await store().profiles.create(W, profile())).toBe(true);
    expect(await store().profiles.create(W, profile({ display_name: 'Other' }))).toBe(false);
    expect(await store().profiles.get(W, 'cursor', 'team-a')).toStrictEqual(profile());
    expect(await store().profiles.get(W, 'cursor', 'team-b')).toBeUndefined();
  });

  it('lists profiles by id in the order of bytes, of one client or of all', async () => {
    for (const profile_id of ['b', 'a.c', 'a-c', 'a_c', 'a0'])
      await store().profiles.create(W, profile({ profile_id }));
    await store().profiles.create(W, profile({ client_id: 'codex', profile_id: 'z' }));
    const ids = (rows: ProfileRow[]) => rows.map((row) => `${row.client_id}/${row.profile_id}`);
    const ofCursor = ['cursor/a-c', 'cursor/a.c', 'cursor/a0', 'cursor/a_c', 'cursor/b'];
    expect(ids(await store().profiles.list(W, 'cursor'))).toEqual(ofCursor);
    expect(ids(await store().profiles.list(W))).toEqual(['codex/z', ...ofCursor]);
    expect(await store().profiles.list(W, 'zed')).toEqual([]);
    expect((await store().profiles.list(W, 'codex'))[0]).toStrictEqual(
      profile({ client_id: 'codex', profile_id: 'z' }),
    );
  });

  it('lists keys oldest first and lets a second put change the status only', async () => {
    await store().keys.put(W, key({ key_id: 'k2', created_at: T1, algorithm: 'ecdsa-p256' }));
    await store().keys.put(W, key());
    await store().keys.put(W, key({ status: 'retired', public_key_pem: 'another', created_at: T1 }));
    expect(await store().keys.get(W, 'k1')).toStrictEqual(key({ status: 'retired' }));
    expect((await store().keys.list(W)).map((row) => row.key_id)).toEqual(['k1', 'k2']);
    expect((await store().keys.list(W))[0]).toStrictEqual(key({ status: 'retired' }));
    expect(await store().keys.get(W, 'k3')).toBeUndefined();
  });
}

export function releaseCases(store: () => Store): void {
  const A = 'a'.repeat(64);
  const B = 'b'.repeat(64);
  beforeEach(async () => {
    await store().artifacts.put(W, artifact(A));
    await store().artifacts.put(W, artifact(B));
  });

  it('keeps the first of an artifact that is stored twice', async () => {
    await store().artifacts.put(W, artifact(A, { canonical: '{}', created_at: T1 }));
    const { artifact_id, canonical } = artifact(A);
    expect(await store().artifacts.get(W, A)).toStrictEqual({ artifact_id, canonical });
    expect(await store().artifacts.get(W, 'f'.repeat(64))).toBeUndefined();
  });

  it('appends releases 1, 2, 3 and refuses gaps, repeats and 0', async () => {
    for (const sequence of [0, 2]) expect(await store().releases.append(W, release(sequence))).toBe(false);
    for (const sequence of [1, 2, 3]) expect(await store().releases.append(W, release(sequence))).toBe(true);
    for (const sequence of [1, 3, 5]) expect(await store().releases.append(W, release(sequence))).toBe(false);
    expect((await store().releases.latest(W, 'cursor', 'dev'))?.sequence).toBe(3);
  });

  it('takes over releases of elsewhere with gaps, and none that is not later', async () => {
    expect(await store().releases.adopt(W, release(4))).toBe(true);
    for (const sequence of [3, 4]) expect(await store().releases.adopt(W, release(sequence))).toBe(false);
    expect(await store().releases.adopt(W, release(7))).toBe(true);
    expect(await store().releases.latest(W, 'cursor', 'dev')).toStrictEqual(release(7));
    expect(await store().releases.adopt(OTHER, release(0))).toBe(false);
  });

  it('gives the same number to one of many publishers only', async () => {
    const publishers = Array.from({ length: 10 }, () => store().releases.append(W, release(1)));
    expect((await Promise.all(publishers)).filter(Boolean)).toEqual([true]);
  });

  it('finds a release by sequence, the latest, and the newest that carries an artifact', async () => {
    const full = release(2, {
      artifact_id: B,
      previous_artifact_id: A,
      changelog: ODD,
      policy_digest: 'd',
      expires_at: T1,
    });
    for (const row of [release(1), full, release(3), release(4, { artifact_id: B })]) {
      expect(await store().releases.append(W, row)).toBe(true);
    }
    expect(await store().releases.bySequence(W, 'cursor', 'dev', 2)).toStrictEqual(full);
    expect(await store().releases.bySequence(W, 'cursor', 'dev', 5)).toBeUndefined();
    expect(await store().releases.latest(W, 'cursor', 'dev')).toStrictEqual(release(4, { artifact_id: B }));
    expect(await store().releases.carrying(W, 'cursor', 'dev', A)).toStrictEqual(release(3));
    expect(await store().releases.carrying(W, 'cursor', 'prod', A)).toBeUndefined();
    expect(await store().releases.carrying(W, 'cursor', 'dev', 'f'.repeat(64))).toBeUndefined();
  });

  it('lists releases newest first, in pages, of one profile only', async () => {
    for (const sequence of [1, 2, 3]) await store().releases.append(W, release(sequence));
    await store().releases.append(W, release(1, { profile_id: 'prod' }));
    const first = await store().releases.list(W, 'cursor', 'dev', { limit: 2 });
    expect(first.rows).toStrictEqual([release(3), release(2)]);
    // A release that comes meanwhile moves nothing.
    await store().releases.append(W, release(4));
    const rest = await store().releases.list(W, 'cursor', 'dev', { limit: 2, cursor: first.next_cursor ?? '' });
    expect(rest).toStrictEqual({ rows: [release(1)], next_cursor: null });
    const strange = store().releases.list(W, 'cursor', 'dev', { limit: 2, cursor: 'made-up' });
    await expect(strange).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('gives the latest release of each profile of one client', async () => {
    const rows = ['prod', 'dev', 'a.b', 'a-b'].flatMap((profile_id, index) =>
      Array.from({ length: index + 1 }, (_, n) => release(n + 1, { profile_id })),
    );
    for (const row of rows) await store().releases.append(W, row);
    await store().releases.append(W, release(1, { client_id: 'codex', profile_id: 'zz' }));
    expect(await store().releases.latestOfClient(W, 'cursor')).toStrictEqual([
      release(4, { profile_id: 'a-b' }),
      release(3, { profile_id: 'a.b' }),
      release(2, { profile_id: 'dev' }),
      release(1, { profile_id: 'prod' }),
    ]);
    expect(await store().releases.latestOfClient(W, 'zed')).toEqual([]);
    expect(await store().releases.latest(W, 'zed', 'dev')).toBeUndefined();
  });

  it('refuses a release of an artifact that is not there', async () => {
    await expect(store().releases.append(W, release(1, { artifact_id: 'f'.repeat(64) }))).rejects.toThrow();
    expect(await store().releases.latest(W, 'cursor', 'dev')).toBeUndefined();
  });
}

export function tokenCases(store: () => Store): void {
  it('finds a token by its digest in whichever workspace it is', async () => {
    await store().tokens.insert(W, token('t1'));
    await store().tokens.insert(OTHER, token('t1', { digest: 'd2', kind: 'agent', expires_at: T1, scopes: [] }));
    expect(await store().tokens.byDigest('digest of t1')).toStrictEqual({ workspace: W, token: token('t1') });
    expect((await store().tokens.byDigest('d2'))?.workspace).toBe(OTHER);
    expect(await store().tokens.byDigest('d3')).toBeUndefined();
    expect(await store().tokens.count()).toBe(2);
  });

  it('refuses a digest that another workspace uses, and a token id that is taken', async () => {
    await store().tokens.insert(W, token('t1'));
    await expect(store().tokens.insert(OTHER, token('t2', { digest: 'digest of t1' }))).rejects.toThrow();
    await expect(store().tokens.insert(W, token('t1', { digest: 'd2' }))).rejects.toThrow();
    expect(await store().tokens.count()).toBe(1);
  });

  it('revokes once: the first time stays', async () => {
    await store().tokens.insert(W, token('t1'));
    expect(await store().tokens.revoke(W, 't1', T0)).toBe(true);
    expect(await store().tokens.revoke(W, 't1', T1)).toBe(true);
    expect(await store().tokens.revoke(W, 't2', T1)).toBe(false);
    expect(await store().tokens.revoke(OTHER, 't1', T1)).toBe(false);
    expect((await store().tokens.byDigest('digest of t1'))?.token).toStrictEqual(token('t1', { revoked_at: T0 }));
  });

  it('adds up uses and never moves the last use back', async () => {
    await store().tokens.insert(W, token('t1'));
    await Promise.all([store().tokens.addUses(W, 't1', 3, T1), store().tokens.addUses(W, 't1', 4, T0)]);
    await store().tokens.addUses(OTHER, 't1', 100, T1);
    const found = await store().tokens.byDigest('digest of t1');
    expect(found?.token).toStrictEqual(token('t1', { use_count: 7, last_used_at: T1 }));
  });

  it('gives one by its id, in its workspace only', async () => {
    const bound = token('t1', { client_id: 'cursor', profile_id: 'dev' });
    await store().tokens.insert(W, bound);
    expect(await store().tokens.get(W, 't1')).toStrictEqual(bound);
    expect(await store().tokens.get(W, 't2')).toBeUndefined();
    expect(await store().tokens.get(OTHER, 't1')).toBeUndefined();
  });

  it('lists those that are bound to no more than a part, in pages of full length', async () => {
    const bindings = [
      [null, null],
      ['cursor', null],
      ['cursor', 'dev'],
      ['zed', 'dev'],
      ['cursor', 'prod'],
      [null, 'dev'],
    ] as const;
    for (const [n, [client_id, profile_id]] of bindings.entries())
      await store().tokens.insert(W, token(`t${n}`, { client_id, profile_id }));
    const ids = async (within: object, cursor?: string) => {
      const page = await store().tokens.list(W, { limit: 2, cursor }, within);
      return [page.rows.map((row) => row.token_id), page.next_cursor] as const;
    };
    const [first, cursor] = await ids({ client_id: 'cursor' });
    expect(first).toEqual(['t4', 't2']);
    expect(await ids({ client_id: 'cursor' }, cursor ?? 'none')).toEqual([['t1'], null]);
    expect((await ids({ profile_id: 'dev' }))[0]).toEqual(['t5', 't3']);
    expect((await ids({ client_id: 'cursor', profile_id: 'dev' }))[0]).toEqual(['t2']);
    expect((await ids({}))[0]).toEqual(['t5', 't4']);
  });

  it('pages newest first by insertion, although the clock went back', async () => {
    const ids = Array.from({ length: 5 }, (_, n) => `t${n}`);
    for (const [n, id] of ids.entries()) {
      await store().tokens.insert(W, token(id, { created_at: `2026-11-22T10:00:0${9 - n}.000Z` }));
    }
    const first = await store().tokens.list(W, { limit: 2 });
    expect(first.rows.map((row) => row.token_id)).toEqual(['t4', 't3']);
    const second = await store().tokens.list(W, { limit: 3, cursor: first.next_cursor ?? 'none' });
    expect(second.rows.map((row) => row.token_id)).toEqual(['t2', 't1', 't0']);
    expect(second.next_cursor).toBeNull();
    expect(second.rows[2]).toStrictEqual(token('t0', { created_at: '2026-11-22T10:00:09.000Z' }));
  });
}

export function auditCases(store: () => Store): void {
  const append = async (from: number, to: number) => {
    for (let n = from; n <= to; n++) await store().audit.append(W, audit(`r${n}`));
  };

  it('lists newest first and ends with a null cursor', async () => {
    expect(await store().audit.list(W, { limit: 10 })).toStrictEqual({ rows: [], next_cursor: null });
    await append(1, 3);
    const page = await store().audit.list(W, { limit: 3 });
    expect(page).toStrictEqual({ rows: [audit('r3'), audit('r2'), audit('r1')], next_cursor: null });
  });

  it('shows every row once on the pages of a list that grows meanwhile', async () => {
    await append(1, 7);
    const seen: string[] = [];
    for (let cursor: string | undefined, n = 8; ; n++) {
      const page = await store().audit.list(W, { limit: 2, cursor });
      seen.push(...page.rows.map((row) => row.request_id));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
      await append(n, n);
    }
    expect(seen).toEqual(['r7', 'r6', 'r5', 'r4', 'r3', 'r2', 'r1']);
  });

  it('refuses a cursor that it did not give out', async () => {
    await append(1, 3);
    await store().tokens.insert(W, token('t1'));
    await store().tokens.insert(W, token('t2'));
    const ofTokens = (await store().tokens.list(W, { limit: 1 })).next_cursor ?? '';
    const own = (await store().audit.list(W, { limit: 1 })).next_cursor ?? '';
    expect(own).toMatch(/^[A-Za-z0-9_-]+$/);
    for (const cursor of [
      '',
      '3',
      'x',
      '!!',
      ofTokens,
      `${own}=`,
      `${own}A`,
      ` ${own}`,
      'YXVkaXQ6LTE',
      'YXVkaXQ6MDE',
    ]) {
      await expect(store().audit.list(W, { limit: 1, cursor }), cursor).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { issues: [{ path: 'cursor', message: expect.any(String) }] },
      });
    }
  });

  it('numbers what one transaction appends side by side, however it comes together', async () => {
    for (let later = 1; later <= 20; later += 1) {
      await store().transaction(async (tx) => {
        const second = async () => {
          for (let n = 0; n < later; n += 1) await undefined;
          await tx.audit.append(W, audit(`second-${later}`));
        };
        await Promise.all([tx.audit.append(W, audit(`first-${later}`)), second()]);
      });
    }
    const { rows } = await store().audit.list(W, { limit: 100 });
    expect(rows.map((row) => row.request_id).toReversed()).toEqual(
      Array.from({ length: 20 }, (_, n) => [`first-${n + 1}`, `second-${n + 1}`]).flat(),
    );
  });

  it('keeps all rows of many appenders', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => store().audit.append(W, audit(`r${n}`))));
    const { rows } = await store().audit.list(W, { limit: 100 });
    expect(new Set(rows.map((row) => row.request_id)).size).toBe(40);
  });
}
