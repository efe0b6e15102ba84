import { expect, it } from 'vitest';
import type { PinRow, PullRow } from '../../src/stores/rows.ts';
import type { Store } from '../../src/stores/store.ts';
import { ODD, OTHER, T0, T1, W } from './store-rows.ts';

const pin = (more: Partial<PinRow> = {}): PinRow => ({ key_id: 'k1', public_key_pem: null, pinned_at: T0, ...more });
const pull = (more: Partial<PullRow> = {}): PullRow => ({
  client_id: 'cursor',
  profile_id: 'dev',
  server: 'https://mcp.example',
  sequence: 3,
  number: 5,
  pulled_at: T0,
  ...more,
});

export function pullCases(store: () => Store): void {
  it('gives back pinned keys, the oldest first, in their own workspace only', async () => {
    await store().pins.put(W, pin({ key_id: 'k2', pinned_at: T1 }));
    await store().pins.put(W, pin({ public_key_pem: ODD }));
    expect(await store().pins.list(W)).toStrictEqual([
      pin({ public_key_pem: ODD }),
      pin({ key_id: 'k2', pinned_at: T1 }),
    ]);
    expect(await store().pins.list(OTHER)).toEqual([]);
  });

  it('completes a pin with its key, and keeps when it was pinned', async () => {
    await store().pins.put(W, pin());
    await store().pins.put(W, pin({ public_key_pem: 'PEM', pinned_at: T1 }));
    expect(await store().pins.list(W)).toStrictEqual([pin({ public_key_pem: 'PEM' })]);
  });

  it('removes a pin once, and none of another workspace', async () => {
    await store().pins.put(W, pin());
    expect(await store().pins.remove(OTHER, 'k1')).toBe(false);
    expect(await store().pins.remove(W, 'k1')).toBe(true);
    expect(await store().pins.remove(W, 'k1')).toBe(false);
    expect(await store().pins.list(W)).toEqual([]);
  });

  it('goes on from the numbers that were seen, and never behind one of them', async () => {
    expect(await store().pulls.get(W, 'cursor', 'dev')).toBeUndefined();
    expect(await store().pulls.put(W, pull())).toBe(true);
    for (const back of [
      { sequence: 2, number: 9 },
      { sequence: 9, number: 4 },
    ])
      expect(await store().pulls.put(W, pull(back))).toBe(false);
    expect(await store().pulls.get(W, 'cursor', 'dev')).toStrictEqual(pull());
    const later = pull({ number: 6, server: 'https://other.example', pulled_at: T1 });
    expect(await store().pulls.put(W, later)).toBe(true);
    expect(await store().pulls.get(W, 'cursor', 'dev')).toStrictEqual(later);
    expect(await store().pulls.get(OTHER, 'cursor', 'dev')).toBeUndefined();
  });

  it('forgets one profile that is pulled, once, and none of another workspace', async () => {
    await store().pulls.put(W, pull());
    await store().pulls.put(W, pull({ profile_id: 'prod' }));
    expect(await store().pulls.remove(OTHER, 'cursor', 'dev')).toBe(false);
    expect(await store().pulls.remove(W, 'cursor', 'dev')).toBe(true);
    expect(await store().pulls.remove(W, 'cursor', 'dev')).toBe(false);
    expect(await store().pulls.get(W, 'cursor', 'dev')).toBeUndefined();
    expect(await store().pulls.get(W, 'cursor', 'prod')).toStrictEqual(pull({ profile_id: 'prod' }));
  });
}
