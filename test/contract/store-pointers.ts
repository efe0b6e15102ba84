import { beforeEach, expect, it } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { artifact, OTHER, pointer, release, T0, T1, W } from './store-rows.ts';

export function pointerCases(store: () => Store): void {
  const than = { issued_before: T0, issued_after: T1, other_than_key: 'k1' };
  const due = async (more: Partial<typeof than> = {}, limit = 10) =>
    (await store().pointers.due({ ...than, ...more }, limit)).map(
      ({ workspace, client_id, profile_id }) => `${workspace}/${client_id}/${profile_id}`,
    );
  beforeEach(async () => {
    for (const workspace of [W, OTHER]) await store().artifacts.put(workspace, artifact());
  });

  it('gives back a pointer as it was put, in its own workspace only', async () => {
    expect(await store().pointers.any(W)).toBe(false);
    expect(await store().pointers.put(W, pointer(1))).toBe(true);
    expect(await store().pointers.get(W, 'cursor', 'dev')).toStrictEqual(pointer(1));
    expect(await store().pointers.any(W)).toBe(true);
    expect(await store().pointers.get(OTHER, 'cursor', 'dev')).toBeUndefined();
    expect(await store().pointers.any(OTHER)).toBe(false);
  });

  it('takes the number that comes next and no other, from one of many writers', async () => {
    for (const number of [0, 2]) expect(await store().pointers.put(W, pointer(number))).toBe(false);
    for (const number of [1, 2, 3]) {
      const writers = Array.from({ length: 5 }, () => store().pointers.put(W, pointer(number)));
      expect((await Promise.all(writers)).filter(Boolean)).toEqual([true]);
    }
    expect(await store().pointers.put(W, pointer(5))).toBe(false);
    const changed = pointer(4, { sequence: 2, signing_key_id: 'k2', issued_at: T1, envelope: '{}' });
    expect(await store().pointers.put(W, changed)).toBe(true);
    expect(await store().pointers.get(W, 'cursor', 'dev')).toStrictEqual(changed);
  });

  it('names the profiles of all workspaces whose latest release has no pointer', async () => {
    await store().releases.append(W, release(1));
    await store().releases.append(OTHER, release(1, { profile_id: 'prod' }));
    expect(await due()).toEqual([`${OTHER}/cursor/prod`, `${W}/cursor/dev`]);
    expect(await due({}, 1)).toEqual([`${OTHER}/cursor/prod`]);
    await store().pointers.put(W, pointer(1));
    expect(await due()).toEqual([`${OTHER}/cursor/prod`]);
    await store().releases.append(W, release(2));
    expect(await due()).toContain(`${W}/cursor/dev`);
  });

  it.each([
    ['issued too long ago', { issued_before: T1 }],
    ['issued in the future', { issued_after: '2026-11-22T09:00:00.000Z' }],
    ['signed by another key', { other_than_key: 'k2' }],
  ])('names a profile whose pointer was %s', async (_, more) => {
    await store().releases.append(W, release(1));
    await store().pointers.put(W, pointer(1));
    expect(await due()).toEqual([]);
    expect(await due(more)).toEqual([`${W}/cursor/dev`]);
  });

  it('counts the pointers of all workspaces and finds the one that expires first', async () => {
    expect(await store().pointers.overview()).toEqual({ count: 0, soonest: null });
    await store().pointers.put(W, pointer(1, { expires_at: T1 }));
    await store().pointers.put(OTHER, pointer(1, { expires_at: T0 }));
    expect(await store().pointers.overview()).toEqual({ count: 2, soonest: T0 });
  });
}
