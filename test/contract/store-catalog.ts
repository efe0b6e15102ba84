import { expect, it } from 'vitest';
import type { Store } from '../../src/stores/store.ts';
import { catalogRow, OTHER, T1, W } from './store-rows.ts';

export function clientCases(store: () => Store): void {
  const row = (client_id: string) => ({ client_id, definition: { client_id, notes: ['ö'] }, added_at: T1 });

  it('keeps a client once, in its own workspace only, and lists them by their ids', async () => {
    for (const id of ['zz', 'aa']) expect(await store().clients.add(W, row(id))).toBe(true);
    expect(await store().clients.add(W, { ...row('zz'), definition: {} })).toBe(false);
    expect(await store().clients.list(W)).toStrictEqual([row('aa'), row('zz')]);
    expect(await store().clients.list(OTHER)).toEqual([]);
    expect(await store().clients.remove(OTHER, 'zz')).toBe(false);
    expect(await store().clients.remove(W, 'zz')).toBe(true);
    expect(await store().clients.remove(W, 'zz')).toBe(false);
    expect(await store().clients.list(W)).toStrictEqual([row('aa')]);
  });
}

export function catalogCases(store: () => Store): void {
  it('gives back a version as it was added, with the order of its members, in its own workspace only', async () => {
    expect(await store().catalog.add(W, catalogRow('1.0.0'))).toBe(true);
    const found = await store().catalog.get(W, catalogRow('1.0.0'));
    expect(found).toStrictEqual(catalogRow('1.0.0'));
    expect(JSON.stringify(found?.raw)).toBe(JSON.stringify(catalogRow('1.0.0').raw));
    expect(await store().catalog.get(OTHER, catalogRow('1.0.0'))).toBeUndefined();
    expect(await store().catalog.list(OTHER)).toEqual([]);
  });

  it('never changes a version, whoever adds it again', async () => {
    const changed = catalogRow('1.0.0', { raw_sha256: 'f'.repeat(64) });
    const writers = [catalogRow('1.0.0'), changed, changed].map((row) => store().catalog.add(W, row));
    expect((await Promise.all(writers)).filter(Boolean)).toEqual([true]);
    expect(await store().catalog.list(W)).toHaveLength(1);
  });

  it('lists versions in the order in which they came, also the same one of another registry', async () => {
    const rows = [
      catalogRow('2.0.0'),
      catalogRow('1.0.0'),
      catalogRow('1.0.0', { registry: 'https://registry.example' }),
      catalogRow('1.0.0', { name: 'com.example/zebra', definition: null }),
    ];
    for (const row of rows) expect(await store().catalog.add(W, row)).toBe(true);
    expect(await store().catalog.list(W)).toStrictEqual(rows);
  });

  it('changes what a registry says about a version, and nothing else', async () => {
    await store().catalog.add(W, catalogRow('1.0.0'));
    const seen = { registry_meta: { status: 'deleted' }, last_seen_at: T1 };
    expect(await store().catalog.see(W, { ...catalogRow('1.0.0', { server_id: 'other' }), ...seen })).toBe(true);
    expect(await store().catalog.get(W, catalogRow('1.0.0'))).toStrictEqual(catalogRow('1.0.0', seen));
    expect(await store().catalog.see(W, { ...catalogRow('2.0.0'), ...seen })).toBe(false);
    expect(await store().catalog.see(OTHER, { ...catalogRow('1.0.0'), ...seen })).toBe(false);
  });
}
