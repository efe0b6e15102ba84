import { describe, expect, it, test } from 'vitest';
import { DraftPayload, isRemote, Payload, ServerName } from './payload.ts';

const local = {
  command: 'npx',
  args: ['-y', 'server@1.0.0'],
  env: { A: 'b' },
  cwd: '/srv',
  disabled: true,
  timeout_ms: 5000,
};
const remote = {
  type: 'http' as const,
  url: 'https://mcp.example.net/',
  headers: { A: 'b' },
  tools: { allow: ['x'], deny: [] },
};
const withEntry = (entry: unknown) => Payload.safeParse({ mcpServers: { x: entry } }).success;

test('a payload may hold all that the contract names', () => {
  const payload = {
    mcpServers: { local, remote, own: { ...local, 'x-client': { cursor: { anything: [1, { a: null }] } } } },
    inputs: { NAME: { description: 'asked for', default: 'd', required: false } },
    bridge: { package: 'mcp-remote', version: '0.1.38' },
  };
  expect(Payload.parse(payload)).toEqual(payload);
  expect(isRemote(remote)).toBe(true);
  expect(isRemote(local)).toBe(false);
});

describe('a payload', () => {
  it.each([
    ['no command', { args: [] }],
    ['no arguments', { command: 'x' }],
    ['an empty command', { command: '', args: [] }],
    ['an argument that is a number', { command: 'x', args: [1] }],
    ['a variable that is a number', { ...local, env: { A: 1 } }],
    ['a variable with an equals sign', { ...local, env: { 'A=B': '' } }],
    ['a field that nobody knows', { ...local, shell: true }],
    ['both a command and a URL', { ...local, ...remote }],
    ['a transport that nobody knows', { ...remote, type: 'ws' }],
    ['a time of zero', { ...local, timeout_ms: 0 }],
    ['a filter with a field that nobody knows', { ...local, tools: { only: [] } }],
  ])('is refused with %s', (_what, entry) => {
    expect(withEntry(local)).toBe(true);
    expect(withEntry(entry)).toBe(false);
  });

  it('takes no members besides its own', () => {
    expect(Payload.safeParse({ mcpServers: {}, policy: 'off' }).success).toBe(false);
  });
});

test.each(['x', 'My Server', 'ünï', '𝒳', 'a'.repeat(128)])('%s names a server', (name) => {
  expect(ServerName.safeParse(name).success).toBe(true);
});
test.each(['', 'a'.repeat(129), 'a\nb', 'a\0', 'a\u200bb', '\u202ea', 'a\u2028b', '\u{e0041}'])(
  '%j names no server',
  (name) => {
    expect(ServerName.safeParse(name).success).toBe(false);
  },
);

test('a draft keeps the faults inside its entries, and nothing that is no entry', () => {
  const draft = { mcpServers: { x: { command: 7, unknown: [] } }, more: 1 };
  expect(DraftPayload.parse(draft)).toEqual(draft);
  for (const wrong of [[], {}, { mcpServers: [] }, { mcpServers: { x: 'text' } }])
    expect(DraftPayload.safeParse(wrong).success).toBe(false);
});
