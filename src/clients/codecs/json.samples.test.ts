import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import { jsonCodec, jsoncCodec } from './json.ts';

describe('samples of real shapes', () => {
  const samples: [string, typeof jsonCodec, string[], string][] = [
    ['claude-desktop.json', jsonCodec, ['mcpServers'], 'filesystem'],
    ['claude-code.json', jsonCodec, ['mcpServers'], 'issues'],
    ['claude-code.json', jsonCodec, ['projects', '/home/dev/Überweisung/π', 'mcpServers'], ''],
    ['claude-code.json', jsonCodec, ['projects', '/home/dev/shop', 'mcpServers'], 'local-db'],
    ['vscode.jsonc', jsoncCodec, ['servers'], 'search'],
    ['zed.jsonc', jsoncCodec, ['context_servers'], 'docs'],
    ['opencode.jsonc', jsoncCodec, ['mcp'], 'jira'],
    ['opencode.jsonc', jsoncCodec, ['mcp', 'servers'], ''],
  ];
  const read = (name: string) =>
    readFileSync(new URL(`../../../test/fixtures/client-samples/${name}`, import.meta.url), 'utf8');
  const value = { command: 'npx', args: ['-y', 'x@1.0.0'], env: { A: '${env:A}' } };

  test.each(samples)('%s %#: an entry comes, changes and goes, and the file is the old one', (file, codec, pointer) => {
    const original = read(file);
    const added = spliceEntries(codec, original, pointer, { set: [{ name: 'ours', value }], remove: [] }, null);
    const change = { set: [{ name: 'ours', value: { ...value, args: [] } }], remove: [] };
    const updated = spliceEntries(codec, added.text, pointer, change, added.glue);
    expect(updated.text).toBe(added.text?.replace(/("ours": \{[^\]]*"args": )\[[^\]]*\]/, '$1[]'));
    expect(spliceEntries(codec, updated.text, pointer, { set: [], remove: ['ours'] }, updated.glue)).toEqual({
      text: original,
      glue: null,
    });
  });
  test.each(samples.filter(([, , , name]) => name !== ''))(
    '%s %#: an entry of the file is replaced in its place',
    (file, codec, pointer, name) => {
      const original = read(file);
      const raw = readEntries(codec, original, pointer).get(name)?.raw ?? '';
      const { text } = spliceEntries(
        codec,
        original,
        pointer,
        { set: [{ name, value: { url: 'u' } }], remove: [] },
        null,
      );
      const [before = '', after = ''] = original.split(raw);
      expect(text?.startsWith(before)).toBe(true);
      expect(text?.endsWith(after)).toBe(true);
    },
  );
});
