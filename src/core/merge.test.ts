import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driftOf, type MergeInput, planMerge } from './merge.ts';
import type { JsonValue } from './payload.ts';

const map = (record: Record<string, JsonValue> = {}) => new Map(Object.entries(record));
const plan = (
  base: Record<string, JsonValue>,
  theirs: Record<string, JsonValue>,
  ours: Record<string, JsonValue>,
  rest: Partial<MergeInput> = {},
) => planMerge({ base: map(base), theirs: map(theirs), ours: map(ours), on_drift: 'fail', state_fields: [], ...rest });

const A = { command: 'a', args: ['1'] };
const B = { command: 'a', args: ['2'] };
const TOUCHED = { command: 'a', args: ['1'], note: 'mine' };
const NOTHING = { added: [], updated: [], removed: [], kept_foreign: [] };

describe('entries that we own', () => {
  test('a new one is added, in payload order', () => {
    const { set, changes, owned } = plan({}, { z: 1 }, { b: A, a: A });
    expect(set).toEqual([
      { name: 'b', value: A, preserve_fields: [] },
      { name: 'a', value: A, preserve_fields: [] },
    ]);
    expect(changes).toEqual({ ...NOTHING, added: ['b', 'a'], kept_foreign: ['z'] });
    expect([...owned.keys()]).toEqual(['b', 'a']);
  });
  test('one that is as we left it is updated', () => {
    const { set, changes, refused } = plan({ s: A }, { s: A }, { s: B }, { state_fields: ['oauth'] });
    expect(set).toEqual([{ name: 's', value: B, preserve_fields: ['oauth'] }]);
    expect({ changes, refused }).toEqual({ changes: { ...NOTHING, updated: ['s'] }, refused: [] });
  });
  test('the same deploy again has nothing to do', () => {
    expect(plan({ s: A }, { s: A, f: 1 }, { s: A })).toEqual({
      set: [],
      remove: [],
      changes: { ...NOTHING, kept_foreign: ['f'] },
      adopted: [],
      drift: [],
      refused: [],
      owned: map({ s: A }),
    });
  });
  test('what the client itself writes is no drift', () => {
    const { set, drift } = plan({ s: A }, { s: { ...A, oauth: 1 } }, { s: A }, { state_fields: ['oauth'] });
    expect({ set, drift }).toEqual({ set: [], drift: [] });
  });
  test('one that is no longer wanted goes', () => {
    const { remove, changes, owned } = plan({ s: A }, { s: A, f: 1 }, {});
    expect({ remove, changes, owned }).toEqual({
      remove: ['s'],
      changes: { ...NOTHING, removed: ['s'], kept_foreign: ['f'] },
      owned: map(),
    });
  });
  test('one that is gone and no longer wanted is simply forgotten', () => {
    const { remove, refused, drift } = plan({ s: A }, {}, {});
    expect({ remove, refused, drift }).toEqual({ remove: [], refused: [], drift: [{ server: 's', kind: 'missing' }] });
  });
  test('a change by hand that is what we want now is welcome', () => {
    const { set, refused, drift, owned } = plan({ s: A }, { s: B }, { s: B });
    expect({ set, refused, owned }).toEqual({ set: [], refused: [], owned: map({ s: B }) });
    expect(drift).toEqual([{ server: 's', kind: 'changed', detail: 'changed: args' }]);
  });
});

describe('drift', () => {
  const changed = { server: 's', kind: 'changed', detail: 'extra: note' };
  const missing = { server: 's', kind: 'missing' };
  test('fail refuses a changed, a missing and a leaving entry', () => {
    expect(plan({ s: A }, { s: TOUCHED }, { s: B }).refused).toEqual([changed]);
    expect(plan({ s: A }, { s: TOUCHED }, { s: A }).refused).toEqual([changed]);
    expect(plan({ s: A }, {}, { s: A }).refused).toEqual([missing]);
    expect(plan({ s: A }, { s: TOUCHED }, {}).refused).toEqual([changed]);
  });
  test('overwrite forces what we want', () => {
    const on_drift = 'overwrite' as const;
    expect(plan({ s: A }, { s: TOUCHED }, { s: A }, { on_drift })).toMatchObject({
      set: [{ name: 's', value: A }],
      changes: { updated: ['s'] },
      refused: [],
    });
    expect(plan({ s: A }, {}, { s: A }, { on_drift }).changes.added).toEqual(['s']);
    expect(plan({ s: A }, { s: TOUCHED }, {}, { on_drift })).toMatchObject({ remove: ['s'], refused: [] });
  });
  test('keep leaves a changed entry, which stays ours and goes on showing its drift', () => {
    const kept = plan({ s: A }, { s: TOUCHED }, { s: B }, { on_drift: 'keep' });
    expect(kept).toMatchObject({ set: [], remove: [], refused: [], changes: NOTHING, drift: [changed] });
    expect(kept.owned).toEqual(map({ s: A }));
  });
  test('keep does not bring back what the user took out, and it is no longer ours', () => {
    const kept = plan({ s: A }, {}, { s: A }, { on_drift: 'keep' });
    expect(kept).toMatchObject({ set: [], refused: [], owned: map() });
  });
  test('keep makes a changed entry foreign once it is not wanted any more', () => {
    const kept = plan({ s: A }, { s: TOUCHED }, {}, { on_drift: 'keep' });
    expect(kept).toMatchObject({ remove: [], changes: { ...NOTHING, kept_foreign: ['s'] }, owned: map() });
  });
  test('it names fields and never a value', () => {
    const now = { command: 'a', args: ['top-secret'], token: 'top-secret' };
    expect(
      driftOf(map({ s: { command: 'a', args: [], cwd: '/' }, t: A, u: A, v: A }), map({ s: now, t: null, v: A }), []),
    ).toEqual([
      { server: 's', kind: 'changed', detail: 'changed: args; extra: token; missing: cwd' },
      { server: 't', kind: 'changed', detail: 'it is not an object' },
      { server: 'u', kind: 'missing' },
    ]);
  });
});

describe('a foreign entry in the way', () => {
  const refused = [{ server: 's', kind: 'foreign', detail: 'changed: args' }];
  test.each(['fail', 'overwrite', 'keep'] as const)('is refused under %s', (on_drift) => {
    const { set, refused: found } = plan({}, { s: B }, { s: A }, { on_drift });
    expect({ set, found }).toEqual({ set: [], found: refused });
  });
  test('is taken over when it is named, or when all are', () => {
    for (const adopt of [true, ['s']] as const) {
      const { set, adopted, changes, owned } = plan({}, { s: B }, { s: A }, { adopt });
      expect(set.map(({ name }) => name)).toEqual(['s']);
      expect({ adopted, changes, owned }).toEqual({
        adopted: ['s'],
        changes: { ...NOTHING, updated: ['s'] },
        owned: map({ s: A }),
      });
    }
    expect(plan({}, { s: B }, { s: A }, { adopt: ['t'] }).refused).toEqual(refused);
  });
  test('is taken over without a word when it says the same', () => {
    const { set, adopted, refused: found, owned } = plan({}, { s: { args: ['1'], command: 'a' } }, { s: A });
    expect({ set, adopted, found, owned }).toEqual({ set: [], adopted: ['s'], found: [], owned: map({ s: A }) });
  });
});

test('a name of a prototype is a name like others', () => {
  expect(plan({}, {}, { constructor: A }).changes.added).toEqual(['constructor']);
  expect(plan({}, {}, { s: { toString: 1 } }).refused).toEqual([]);
});

test('whatever was there, a plan never touches a foreign name, and carrying it out leaves nothing to do', () => {
  const entries = fc
    .uniqueArray(
      fc.tuple(fc.constantFrom<string>('a', 'b', 'c', 'd'), fc.constantFrom<JsonValue>(A, B, TOUCHED, null)),
      {
        selector: ([name]) => name,
      },
    )
    .map((list) => new Map(list));
  const mode = fc.constantFrom('fail' as const, 'overwrite' as const, 'keep' as const);
  fc.assert(
    fc.property(entries, entries, entries, mode, (base, theirs, ours, on_drift) => {
      const first = planMerge({ base, theirs, ours, on_drift, state_fields: [] });
      const touched = [...first.set.map(({ name }) => name), ...first.remove];
      for (const name of touched) expect(base.has(name) || !theirs.has(name)).toBe(true);
      for (const name of first.changes.kept_foreign) expect(touched).not.toContain(name);
      if (first.refused.length > 0) return;
      const disk = new Map(theirs);
      for (const name of first.remove) disk.delete(name);
      for (const { name, value } of first.set) disk.set(name, value);
      const again = planMerge({ base: first.owned, theirs: disk, ours, on_drift, state_fields: [] });
      expect(again.remove).toEqual([]);
      if (on_drift !== 'keep') expect({ set: again.set, refused: again.refused }).toEqual({ set: [], refused: [] });
    }),
    { numRuns: 1000 },
  );
});
