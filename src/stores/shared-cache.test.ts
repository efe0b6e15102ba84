import { expect, it, onTestFinished } from 'vitest';
import { artifact, OTHER, W } from '../../test/contract/store-rows.ts';
import { artifactIdOfCanonical } from '../core/artifact.ts';
import { withSharedCache } from './shared-cache.ts';
import { openSqlite } from './sqlite.ts';

const TEXT = '{"mcpServers":{"a":{"args":[],"command":"npx"}}}';
const ID = artifactIdOfCanonical(TEXT);

async function open() {
  const kept = new Map<string, string>();
  const inner = await openSqlite(':memory:');
  onTestFinished(() => inner.close());
  const cache = withSharedCache(inner, {
    get: async (key) => kept.get(key),
    put: (key, text) => void kept.set(key, text),
    drop: (key) => void kept.delete(key),
  });
  return { kept, inner, ...cache };
}
const stored = artifact(ID, { canonical: TEXT });
const found = { artifact_id: ID, canonical: TEXT };

it('reads an artifact once from the store, and then from the cache', async () => {
  const { store, kept, counts } = await open();
  await store.artifacts.put(W, stored);
  expect(await store.artifacts.get(W, ID)).toStrictEqual(found);
  expect([...kept]).toEqual([[`${W}:${ID}`, TEXT]]);
  expect(await store.artifacts.get(W, ID)).toStrictEqual(found);
  expect(counts).toEqual({ hits: 1, misses: 1 });
});

it.each([
  ['another text', '{"mcpServers":{"a":{"args":[],"command":"evil"}}}'],
  ['a part of the text', TEXT.slice(0, -1)],
  ['the text with a space more', `${TEXT} `],
  ['nothing but noise', '\u0000\ufffd'],
])('serves the stored artifact when the cache has %s under its id, and puts it right', async (_what, poison) => {
  const { store, kept, counts } = await open();
  await store.artifacts.put(W, stored);
  kept.set(`${W}:${ID}`, poison);
  expect(await store.artifacts.get(W, ID)).toStrictEqual(found);
  expect(kept.get(`${W}:${ID}`)).toBe(TEXT);
  expect(counts).toEqual({ hits: 0, misses: 1 });
});

it('throws a wrong text away also when the store has no such artifact, and keeps no absence', async () => {
  const { store, kept } = await open();
  kept.set(`${W}:${ID}`, 'wrong');
  expect(await store.artifacts.get(W, ID)).toBeUndefined();
  expect(kept.size).toBe(0);
  await store.artifacts.put(W, stored);
  expect(await store.artifacts.get(W, ID)).toStrictEqual(found);
});

it('gives a workspace nothing that another one has', async () => {
  const { store } = await open();
  await store.artifacts.put(W, stored);
  await store.artifacts.get(W, ID);
  expect(await store.artifacts.get(OTHER, ID)).toBeUndefined();
});

it('leaves transactions alone, and does not spread what is damaged in the store', async () => {
  const { store, kept } = await open();
  await store.artifacts.put(W, stored);
  kept.set(`${W}:${ID}`, 'wrong');
  expect(await store.transaction((tx) => tx.artifacts.get(W, ID))).toStrictEqual(found);
  expect(kept.get(`${W}:${ID}`)).toBe('wrong');
  await store.artifacts.put(W, artifact('b'.repeat(64), { canonical: 'damaged' }));
  expect(await store.artifacts.get(W, 'b'.repeat(64))).toMatchObject({ canonical: 'damaged' });
  expect(kept.has(`${W}:${'b'.repeat(64)}`)).toBe(false);
});
