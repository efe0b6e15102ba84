import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { artifact, audit, deployment, draft, key, ODD, OTHER, profile, release, token, W } from './store-rows.ts';

export function transactionCases(store: () => Store): void {
  const stop = () => {
    throw new Error('stop');
  };

  it('keeps everything of a transaction that returns, and returns its value', async () => {
    const value = await store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      await tx.audit.append(W, audit('r1'));
      expect((await tx.drafts.get(W, 'cursor', 'dev'))?.revision).toBe(1);
      return 7;
    });
    expect(value).toBe(7);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toStrictEqual(draft());
    expect((await store().audit.list(W, { limit: 5 })).rows).toHaveLength(1);
  });

  it('keeps nothing of a transaction that throws, and throws the same error', async () => {
    const reason = new Error('stop');
    const work = store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      await tx.profiles.create(W, profile());
      await tx.artifacts.put(W, artifact());
      await tx.releases.append(W, release(1));
      await tx.keys.put(W, key());
      await tx.tokens.insert(W, token('t1'));
      await tx.deployments.insert(W, deployment('d1'));
      await tx.audit.append(W, audit('r1'));
      throw reason;
    });
    await expect(work).rejects.toBe(reason);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeUndefined();
    expect(await store().profiles.list(W)).toEqual([]);
    expect(await store().artifacts.get(W, 'a'.repeat(64))).toBeUndefined();
    expect(await store().releases.latestOfClient(W, 'cursor')).toEqual([]);
    expect(await store().keys.list(W)).toEqual([]);
    expect(await store().tokens.count()).toBe(0);
    expect(await store().deployments.unsettled(W, 'm1')).toEqual([]);
    expect((await store().audit.list(W, { limit: 5 })).rows).toEqual([]);
    expect(await store().drafts.save(W, draft())).toBe(true);
  });

  it('does not let a write from outside land in a running transaction', async () => {
    let outside: Promise<boolean> | undefined;
    const work = store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      outside = store().profiles.create(W, profile());
      for (let n = 0; n < 5; n++) await turn();
      stop();
    });
    await expect(work).rejects.toThrow('stop');
    expect(await outside).toBe(true);
    expect(await store().profiles.get(W, 'cursor', 'team-a')).toStrictEqual(profile());
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeUndefined();
  });

  it('never shows outside what is not committed', async () => {
    let outside: Promise<unknown> | undefined;
    const work = store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      outside = store().drafts.get(W, 'cursor', 'dev');
      for (let n = 0; n < 5; n++) await turn();
      stop();
    });
    await expect(work).rejects.toThrow('stop');
    expect(await outside).toBeUndefined();
  });

  it('loses no update of many read-and-write transactions with a retry', async () => {
    const increment = async (): Promise<void> => {
      const saved = await store().transaction(async (tx) => {
        const revision = (await tx.drafts.get(W, 'cursor', 'dev'))?.revision ?? 0;
        await turn();
        return tx.drafts.save(W, draft({ revision: revision + 1 }));
      });
      if (!saved) await increment();
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect((await store().drafts.get(W, 'cursor', 'dev'))?.revision).toBe(20);
  });

  it('lets a part of a transaction fail alone', async () => {
    await store().transaction(async (tx) => {
      await tx.drafts.save(W, draft());
      const part = tx.transaction(async (inner) => {
        await inner.profiles.create(W, profile());
        stop();
      });
      await expect(part).rejects.toThrow('stop');
      await tx.transaction((inner) => inner.keys.put(W, key()));
    });
    expect(await store().drafts.get(W, 'cursor', 'dev')).toStrictEqual(draft());
    expect(await store().profiles.list(W)).toEqual([]);
    expect(await store().keys.list(W)).toHaveLength(1);
  });

  it('refuses the store of a transaction that is over, and to be closed from inside', async () => {
    let leaked: Store | undefined;
    await store().transaction(async (tx) => {
      leaked = tx;
      await expect(tx.close()).rejects.toThrow('a transaction cannot close the store');
    });
    await expect(leaked?.drafts.save(W, draft())).rejects.toThrow();
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeUndefined();
  });

  it('ends a running transaction before it closes, closes twice, and then answers UNAVAILABLE', async () => {
    const work = store().transaction(async (tx) => {
      for (let n = 0; n < 5; n++) await turn();
      return tx.drafts.save(W, draft());
    });
    await turn();
    await Promise.all([store().close(), store().close()]);
    expect(await work).toBe(true);
    await expect(store().drafts.get(W, 'cursor', 'dev')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(store().drafts.save(W, draft())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(store().transaction(async () => 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
}

export function valueCases(store: () => Store): void {
  it('keeps workspaces apart in every noun', async () => {
    await store().drafts.save(W, draft());
    await store().profiles.create(W, profile());
    await store().artifacts.put(W, artifact());
    await store().releases.append(W, release(1));
    await store().keys.put(W, key());
    await store().tokens.insert(W, token('t1'));
    await store().deployments.insert(W, deployment('d1'));
    await store().deployments.setStatus(OTHER, 'd1', 'done');
    await store().audit.append(W, audit('r1'));
    expect(await store().drafts.get(OTHER, 'cursor', 'dev')).toBeUndefined();
    expect(await store().profiles.list(OTHER)).toEqual([]);
    expect(await store().profiles.get(OTHER, 'cursor', 'team-a')).toBeUndefined();
    expect(await store().artifacts.get(OTHER, 'a'.repeat(64))).toBeUndefined();
    expect(await store().releases.latest(OTHER, 'cursor', 'dev')).toBeUndefined();
    expect(await store().releases.latestOfClient(OTHER, 'cursor')).toEqual([]);
    expect(await store().releases.carrying(OTHER, 'cursor', 'dev', 'a'.repeat(64))).toBeUndefined();
    expect(await store().keys.list(OTHER)).toEqual([]);
    expect(await store().keys.get(OTHER, 'k1')).toBeUndefined();
    expect((await store().tokens.list(OTHER, { limit: 5 })).rows).toEqual([]);
    expect(await store().deployments.unsettled(OTHER, 'm1')).toEqual([]);
    expect(await store().deployments.unsettled(W, 'm1')).toHaveLength(1);
    expect((await store().audit.list(OTHER, { limit: 5 })).rows).toEqual([]);
    expect(await store().drafts.save(OTHER, draft())).toBe(true);
    expect(await store().profiles.create(OTHER, profile())).toBe(true);
  });

  it('keeps odd text as it is', async () => {
    const row = profile({ display_name: ODD, description: `${ODD}${ODD}` });
    await store().profiles.create(W, row);
    expect(await store().profiles.get(W, 'cursor', 'team-a')).toStrictEqual(row);
    const facts = JSON.parse('{"__proto__": "x", "constructor": 1}');
    await store().audit.append(W, audit('r1', { facts, actor: ODD }));
    const [read] = (await store().audit.list(W, { limit: 1 })).rows;
    expect(Object.entries(read?.facts ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 1],
    ]);
  });

  it('keeps any JSON of a draft and any text without NUL', async () => {
    let revision = 0;
    const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), text, async (entry, canonical) => {
        const row = draft({ revision: ++revision, payload: JSON.parse(JSON.stringify({ mcpServers: { entry } })) });
        expect(await store().drafts.save(W, row)).toBe(true);
        expect(JSON.stringify(await store().drafts.get(W, 'cursor', 'dev'))).toBe(JSON.stringify(row));
        await store().artifacts.put(W, artifact(`${revision}`, { canonical }));
        expect((await store().artifacts.get(W, `${revision}`))?.canonical).toBe(canonical);
      }),
      { numRuns: 25 },
    );
  });

  it('keeps values of 1 MiB', async () => {
    const text = '𝒳'.repeat(256 * 1024);
    const row = draft({ payload: { mcpServers: { big: { command: text } } } });
    await store().drafts.save(W, row);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toStrictEqual(row);
    await store().artifacts.put(W, artifact('big', { canonical: text }));
    await store().releases.append(W, release(1, { artifact_id: 'big', envelope: text }));
    expect((await store().releases.latest(W, 'cursor', 'dev'))?.envelope === text).toBe(true);
  });
}
