import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Change,
  type Diffable,
  diffPayloads,
  diffStatus,
  diffSummary,
  PayloadDiff,
  recommendation,
} from './diff.ts';

const local = {
  mcpServers: {
    files: { command: 'npx', args: ['-y', 'files@1.0.0'], env: { ROOT: '/srv', MODE: 'ro' } },
    mine: { command: 'mine', args: [] },
    same: { command: 'same', args: [] },
  },
};
const remote = {
  mcpServers: {
    same: { args: [], command: 'same' },
    files: { command: 'npx', args: ['-y', 'files@1.1.0'], env: { ROOT: '/data', 'A/B': '1' }, disabled: true },
    yours: { type: 'http', url: 'https://example.com/mcp' },
  },
};

describe('the diff of two payloads', () => {
  test('names servers in order and shows the smallest changes, arrays as a whole', () => {
    const diff = diffPayloads(local, remote);
    expect(diff).toEqual({
      servers_added: ['yours'],
      servers_removed: ['mine'],
      servers_modified: [
        {
          server_id: 'files',
          changes: [
            { path: '/args', kind: 'changed', old_value: ['-y', 'files@1.0.0'], new_value: ['-y', 'files@1.1.0'] },
            { path: '/disabled', kind: 'added', old_value: null, new_value: true },
            { path: '/env/A~1B', kind: 'added', old_value: null, new_value: '1' },
            { path: '/env/MODE', kind: 'removed', old_value: 'ro', new_value: null },
            { path: '/env/ROOT', kind: 'changed', old_value: '/srv', new_value: '/data' },
          ],
        },
      ],
      servers_unchanged: ['same'],
      payload_changes: [],
    });
    expect(PayloadDiff.parse(diff)).toEqual(diff);
    expect(diffSummary(diff)).toEqual({ total_changes: 3, added_count: 1, removed_count: 1, modified_count: 1 });
    expect(diffStatus(diff)).toBe('diverged');
  });

  test('sees what differs outside the servers', () => {
    const diff = diffPayloads({ mcpServers: {} }, {
      mcpServers: {},
      bridge: { package: 'b', version: '1' },
    } as Diffable);
    expect(diff.payload_changes).toEqual([
      { path: '/bridge', kind: 'added', old_value: null, new_value: { package: 'b', version: '1' } },
    ]);
    expect(diffSummary(diff).total_changes).toBe(1);
    expect(diffStatus(diff)).toBe('outdated');
  });

  test('takes a server called toString for a server', () => {
    const odd = { mcpServers: { toString: { command: 'x', args: [] } } };
    expect(diffPayloads({ mcpServers: {} }, odd).servers_added).toEqual(['toString']);
    expect(diffPayloads(odd, { mcpServers: {} }).servers_removed).toEqual(['toString']);
  });

  test.each([
    ['up-to-date', { mcpServers: {} }, { mcpServers: {} }],
    ['outdated', { mcpServers: {} }, remote],
    ['outdated', { mcpServers: { a: { args: [{ x: 1 }] } } }, { mcpServers: { a: { args: [{ x: 2 }] } } }],
    ['up-to-date', { mcpServers: { a: { args: [{ x: 1 }] } } }, { mcpServers: { a: { args: [{ x: 1 }] } } }],
    ['diverged', local, { mcpServers: {} }],
  ])('is %s (%#)', (status, a, b) => {
    expect(diffStatus(diffPayloads(a, b))).toBe(status);
  });

  test('without anything to compare with the status is unknown', () => {
    expect(diffStatus(null)).toBe('unknown');
  });

  test('every status comes with an advice of its own', () => {
    const texts = (['up-to-date', 'outdated', 'diverged', 'unknown'] as const).map(recommendation);
    expect(new Set(texts).size).toBe(4);
    expect(texts.every((text) => text.length > 20)).toBe(true);
  });
});

type Tree = { [key: string]: unknown };

/** Applies changes to a copy; paths are taken apart here on their own, not by the code under test. */
function applyChanges(target: Tree, changes: readonly Change[]): void {
  for (const { path, kind, new_value } of changes) {
    const steps = path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop() ?? '';
    let holder = target;
    for (const step of steps) holder = holder[step] as Tree;
    if (kind === 'removed') delete holder[last];
    else holder[last] = new_value;
  }
}

function applyDiff(from: Diffable, to: Diffable, diff: PayloadDiff): unknown {
  const result = structuredClone(from) as Diffable & Tree;
  const servers = result.mcpServers as { [name: string]: object | undefined };
  for (const name of diff.servers_removed) delete servers[name];
  for (const name of diff.servers_added) servers[name] = to.mcpServers[name];
  for (const { server_id, changes } of diff.servers_modified) applyChanges(servers[server_id] as Tree, changes);
  applyChanges(result, diff.payload_changes);
  return result;
}

describe('properties', () => {
  const key = fc.constantFrom('a', 'b', 'c/d', '~', '', 'toString');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, 0, 1, 'x', 'y'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const entry = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true });
  const payload: fc.Arbitrary<Diffable> = fc.record(
    { mcpServers: fc.dictionary(key, entry, { maxKeys: 4, noNullPrototype: true }), inputs: entry, bridge: entry },
    { requiredKeys: ['mcpServers'], noNullPrototype: true },
  );

  test('applying a diff to local gives remote', () => {
    fc.assert(
      fc.property(payload, payload, (a, b) => {
        expect(applyDiff(a, b, diffPayloads(a, b))).toEqual(b);
      }),
      { numRuns: 500 },
    );
  });

  test('a payload does not differ from itself, and every server is counted once', () => {
    fc.assert(
      fc.property(payload, payload, (a, b) => {
        expect(diffSummary(diffPayloads(a, structuredClone(a))).total_changes).toBe(0);
        const diff = diffPayloads(a, b);
        const named = [
          ...diff.servers_added,
          ...diff.servers_removed,
          ...diff.servers_modified.map(({ server_id }) => server_id),
          ...diff.servers_unchanged,
        ];
        const all = new Set([...Object.keys(a.mcpServers), ...Object.keys(b.mcpServers)]);
        expect(named.toSorted()).toEqual([...all].toSorted());
      }),
    );
  });
});
