import { expect, it } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { artifact, draft, event, ODD, OTHER, profile, release, W } from './store-rows.ts';

const KEEP = 1000;

export function eventCases(store: () => Store): void {
  const numbers = async (from: number, limit = 100, workspace = W) =>
    (await store().events.since(workspace, from, limit)).map(({ number }) => number);

  it('numbers events from 1 in each workspace, and gives them back as they were', async () => {
    expect(await store().events.range(W)).toEqual({ oldest: 1, newest: 0 });
    const odd = event({
      client_id: null,
      profile_id: null,
      artifact_id: null,
      sequence: null,
      data: { text: ODD, yes: true },
    });
    await store().events.append(W, event(), KEEP);
    await store().events.append(OTHER, event(), KEEP);
    await store().events.append(W, odd, KEEP);
    expect(await store().events.since(W, 0, 10)).toStrictEqual([
      { ...event(), number: 1 },
      { ...odd, number: 2 },
    ]);
    expect(await numbers(0, 10, OTHER)).toEqual([1]);
    expect(await store().events.range(W)).toEqual({ oldest: 1, newest: 2 });
  });

  it('gives those after a number, oldest first, so many at most', async () => {
    for (let i = 0; i < 5; i += 1) await store().events.append(W, event(), KEEP);
    expect(await numbers(2)).toEqual([3, 4, 5]);
    expect(await numbers(0, 2)).toEqual([1, 2]);
    expect(await numbers(5)).toEqual([]);
  });

  it('keeps about the last of them, and goes on counting', async () => {
    await store().transaction(async (tx) => {
      for (let i = 0; i < 512; i += 1) await tx.events.append(W, event(), 100);
    });
    expect(await store().events.range(W)).toEqual({ oldest: 413, newest: 512 });
  });

  it('names the last number of every workspace that had an event, also when that event is not kept', async () => {
    expect(await store().events.newest()).toEqual([]);
    await store().events.append(W, event(), KEEP);
    await store().events.append(OTHER, event(), KEEP);
    await store().events.append(W, event(), KEEP);
    const last = [
      { workspace: OTHER, number: 1 },
      { workspace: W, number: 2 },
    ];
    expect(await store().events.newest()).toEqual(last);
    await store().transaction(async (tx) => {
      for (let i = 2; i < 256; i += 1) await tx.events.append(W, event(), 0);
    });
    expect(await numbers(0)).toEqual([]);
    expect(await store().events.newest()).toContainEqual({ workspace: W, number: 256 });
  });

  it('finds the latest of a type about a profile', async () => {
    await store().events.append(W, event({ sequence: 1 }), KEEP);
    await store().events.append(W, event({ sequence: 2 }), KEEP);
    await store().events.append(W, event({ profile_id: 'prod', sequence: 3 }), KEEP);
    await store().events.append(W, event({ type: 'config.deployed', sequence: 4 }), KEEP);
    expect((await store().events.latest(W, 'config.published', 'cursor', 'dev'))?.sequence).toBe(2);
    expect(await store().events.latest(W, 'config.reverted', 'cursor', 'dev')).toBeUndefined();
    expect(await store().events.latest(OTHER, 'config.published', 'cursor', 'dev')).toBeUndefined();
  });

  it('loses none of a transaction and keeps none of one that failed', async () => {
    const failing = store().transaction(async (tx) => {
      await tx.events.append(W, event(), KEEP);
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    expect(await numbers(0)).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => store().events.append(W, event(), KEEP)));
    expect(await numbers(0)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('removes a profile and nothing else: the revision of its draft stays known', async () => {
    await store().profiles.create(W, profile());
    await store().profiles.create(W, profile({ profile_id: 'team-b' }));
    await store().drafts.save(W, draft({ profile_id: 'team-a' }));
    await store().drafts.save(W, draft());
    expect(await store().profiles.remove(W, 'cursor', 'team-a')).toBe(true);
    expect(await store().profiles.remove(W, 'cursor', 'team-a')).toBe(false);
    expect(await store().profiles.remove(OTHER, 'cursor', 'team-b')).toBe(false);
    expect((await store().profiles.list(W)).map(({ profile_id }) => profile_id)).toEqual(['team-b']);
    expect((await store().drafts.get(W, 'cursor', 'team-a'))?.revision).toBe(1);
    expect(await store().drafts.get(W, 'cursor', 'dev')).toBeDefined();
  });

  it('finds the releases that carry an artifact, in order', async () => {
    const other = 'b'.repeat(64);
    for (const id of ['a'.repeat(64), other]) await store().artifacts.put(W, artifact(id));
    for (const sequence of [1, 2]) await store().releases.append(W, release(sequence));
    await store().releases.append(W, release(3, { artifact_id: other }));
    await store().releases.append(W, release(1, { client_id: 'codex', profile_id: 'z' }));
    const found = async (limit: number, within = {}) =>
      (await store().releases.ofArtifact(W, 'a'.repeat(64), limit, within)).map(
        ({ client_id, profile_id, sequence }) => `${client_id}/${profile_id} ${sequence}`,
      );
    expect(await found(10)).toEqual(['codex/z 1', 'cursor/dev 1', 'cursor/dev 2']);
    expect(await found(1)).toEqual(['codex/z 1']);
    expect(await found(1, { client_id: 'cursor' })).toEqual(['cursor/dev 1']);
    expect(await found(9, { profile_id: 'z' })).toEqual(['codex/z 1']);
    expect(await found(9, { client_id: 'cursor', profile_id: 'z' })).toEqual([]);
    expect(await store().releases.ofArtifact(OTHER, other, 10)).toEqual([]);
  });
}
