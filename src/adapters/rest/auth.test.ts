import { expect, onTestFinished, test } from 'vitest';
import { token } from '../../../test/contract/store-rows.ts';
import { openSqlite } from '../../stores/sqlite.ts';
import { UseCounter } from './auth.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test('uses are counted in memory and stored together, with the time of storing', async () => {
  const store = await openSqlite(':memory:');
  onTestFinished(() => store.close());
  await store.tokens.insert('default', token('tok_1', { digest: 'd' }));
  const uses = new UseCounter(store, () => new Date('2026-11-22T11:00:00.000Z'), silent);
  for (let time = 0; time < 3; time += 1) uses.count('default', 'tok_1');
  expect((await store.tokens.byDigest('d'))?.token.use_count).toBe(0);
  await uses.flush();
  await uses.flush();
  expect((await store.tokens.byDigest('d'))?.token).toMatchObject({
    use_count: 3,
    last_used_at: '2026-11-22T11:00:00.000Z',
  });
  uses.count('default', 'tok_1');
  await uses.stop();
  expect((await store.tokens.byDigest('d'))?.token.use_count).toBe(4);
});

test('a store that takes nothing now costs no use and stops nobody: the uses are stored later', async () => {
  const store = await openSqlite(':memory:');
  onTestFinished(() => store.close());
  await store.tokens.insert('default', token('tok_1', { digest: 'd' }));
  const closed = await openSqlite(':memory:');
  await closed.close();
  let current = closed.tokens;
  const warnings: string[] = [];
  const counted = {
    ...store,
    get tokens() {
      return current;
    },
  };
  const uses = new UseCounter(counted, () => new Date(0), {
    ...silent,
    warn: (_fields, words) => warnings.push(words),
  });
  uses.count('default', 'tok_1');
  await uses.flush();
  uses.count('default', 'tok_1');
  expect(warnings).toHaveLength(1);
  current = store.tokens;
  await uses.stop();
  expect((await store.tokens.byDigest('d'))?.token.use_count).toBe(2);
});

test('an end waits for what is being written, and takes along what that could not write', async () => {
  const store = await openSqlite(':memory:');
  onTestFinished(() => store.close());
  await store.tokens.insert('default', token('tok_1', { digest: 'd' }));
  const { promise: answered, reject } = Promise.withResolvers<never>();
  let addUses: typeof store.tokens.addUses = () => answered;
  const slow: typeof store.tokens.addUses = (...use) => addUses(...use);
  const uses = new UseCounter({ ...store, tokens: { ...store.tokens, addUses: slow } }, () => new Date(0), silent);
  uses.count('default', 'tok_1');
  const flushed = uses.flush();
  await Promise.resolve();
  const stopped = uses.stop();
  addUses = store.tokens.addUses;
  reject(new Error('no answer'));
  await Promise.all([flushed, stopped]);
  expect((await store.tokens.byDigest('d'))?.token.use_count).toBe(1);
});
