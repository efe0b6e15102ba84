import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addEntry, removeEntry, serverNames } from './draft.ts';

const entry = (command: string) => ({ command, args: [] });
const draft = { mcpServers: { files: entry('a'), memory: entry('b'), git: entry('c') }, inputs: { x: 1 } };

test('a new entry goes to the end and the rest of the payload stays', () => {
  const changed = addEntry(draft, 'time', entry('d'));
  expect(serverNames(changed)).toEqual(['files', 'memory', 'git', 'time']);
  expect(changed.inputs).toEqual({ x: 1 });
  expect(serverNames(draft)).toEqual(['files', 'memory', 'git']);
});

test('an entry that is there is refused by name, and replaced in its place when that is wished', () => {
  expect(() => addEntry(draft, 'memory', entry('d'))).toThrow(
    expect.objectContaining({ code: 'SERVER_ALREADY_IN_DRAFT', details: { server_name: 'memory' } }),
  );
  const changed = addEntry(draft, 'memory', entry('d'), { replace: true });
  expect(serverNames(changed)).toEqual(['files', 'memory', 'git']);
  expect(changed.mcpServers.memory).toEqual({ command: 'd', args: [] });
});

test('removing keeps the order of the others; a missing name is answered with the nearest', () => {
  expect(serverNames(removeEntry(draft, 'memory'))).toEqual(['files', 'git']);
  expect(() => removeEntry(draft, 'memroy')).toThrow(
    expect.objectContaining({ code: 'SERVER_NOT_IN_DRAFT', details: { server_name: 'memroy', nearest: ['memory'] } }),
  );
  expect(() => removeEntry(draft, 'zzzzzzzzzz')).toThrow('The draft has no server named `zzzzzzzzzz`.');
});

test.each(['', 'x'.repeat(129), 'a\nb', 'a\u202Eb', '__proto__', 'constructor', 'prototype'])(
  'the name %j is refused',
  (name) => {
    expect(() => addEntry({ mcpServers: {} }, name, entry('a'))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', details: expect.objectContaining({ field: 'server_name' }) }),
    );
  },
);

test('inherited names are no entries', () => {
  expect(() => removeEntry(draft, 'toString')).toThrow(expect.objectContaining({ code: 'SERVER_NOT_IN_DRAFT' }));
  expect(serverNames(addEntry(draft, 'toString', entry('a')))).toContain('toString');
});

test('adding and then removing gives the draft back', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), (name) => {
      fc.pre(!['files', 'memory', 'git', 'constructor', 'prototype'].includes(name));
      expect(removeEntry(addEntry(draft, name, entry('z')), name)).toEqual(draft);
    }),
  );
});
