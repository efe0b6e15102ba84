import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codecOf } from '../src/clients/codecs/codec-of.ts';
import { clientById } from '../src/clients/index.ts';
import { readEntries } from '../src/core/splice/entries.ts';
import { type App, compose } from '../src/main/compose.ts';
import { readConfig } from '../src/main/config.ts';
import { quietLog } from '../src/main/log.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { invoke } from '../src/operations/operation.ts';
import { makeWorkspace, ROOT, type Workspace } from './support/workspace.ts';

/** From a file that somebody wrote to a release that governs it, on real files. */

const SECRET = 'sk-made-up-0123456789abcdefghijklmnopqrstuv';

let workspace: Workspace;
let app: App;
beforeEach(async () => {
  workspace = await makeWorkspace();
  app = await compose({ config: readConfig(workspace.env), env: workspace.env, log: quietLog(() => undefined, false) });
  await call('initialize_keys');
});
afterEach(async () => {
  await app.close();
  await workspace.remove();
});

interface Imported {
  imported: string[];
  skipped: { server_name: string; reason: string }[];
  secrets: { server_name: string; name: string; stored: boolean }[];
  catalog_matches: { server_name: string; server_id: string }[];
  draft: { mcpServers: Record<string, Record<string, unknown>>; inputs?: object };
  revision: number;
}
async function call(tool: string, input: object = {}, kind: 'user' | 'agent' = 'user', door: 'cli' | 'rest' = 'cli') {
  const operation = OPERATIONS.find(({ mcp }) => mcp?.tool === tool);
  if (!operation) throw new Error(`no operation has the tool ${tool}`);
  return (await invoke(operation, app.localContext(door, kind), input)) as Record<string, unknown>;
}
const importFrom = async (client_id: string, more: object = {}) =>
  (await call('import_config', { client_id, ...more })) as unknown as Imported;

/** The user's file of a client, with this content. */
async function place(client_id: string, content: string): Promise<string> {
  await call('publish_config', { client_id, payload: { mcpServers: {} }, allow_empty: true });
  const config_path = String((await call('deploy_config', { client_id, dry_run: true }))['config_path']);
  mkdirSync(dirname(config_path), { recursive: true });
  writeFileSync(config_path, content);
  return config_path;
}
async function publishAndAdopt(client_id: string) {
  await call('publish_config', { client_id, allow_empty: true });
  return call('deploy_config', { client_id, adopt: true });
}

const SAMPLES = readdirSync(join(ROOT, 'test/fixtures/client-samples')).flatMap((file) => {
  const [client_id = ''] = file.split('.');
  const client = clientById(client_id);
  // The others are only on Windows, or where a variable says: `writable-clients.test.ts` names their file.
  const usual = client?.scopes[0]?.paths.linux?.startsWith('~') === true;
  return client?.dialect && usual ? [[file, client_id] as const] : [];
});
test('there is a sample of every client with a usual place that can be written', () =>
  expect(SAMPLES).toHaveLength(34));
const CODECS = new Map(
  await Promise.all(
    SAMPLES.map(async ([, client_id]) => {
      const scope = clientById(client_id)?.scopes[0];
      return [client_id, scope && (await codecOf(scope))] as const;
    }),
  ),
);

describe.each(SAMPLES)('the sample %s', (file, client_id) => {
  const text = readFileSync(join(ROOT, 'test/fixtures/client-samples', file), 'utf8');
  const scope = clientById(client_id)?.scopes[0];
  const codec = CODECS.get(client_id);
  const pointer = (scope?.pointer ?? '').split('/').slice(1);
  const rawEntries = (content: string) => (codec ? readEntries(codec, content, pointer) : new Map());

  test('is byte-identical after import, publish and deploy with adopt, but for entries whose secret became a reference', async () => {
    const path = await place(client_id, text);
    const { imported, skipped, secrets } = await importFrom(client_id, { store_secrets: true });
    expect([...imported, ...skipped.map(({ server_name }) => server_name)].sort()).toEqual(
      [...rawEntries(text).keys()].sort(),
    );
    expect(imported.length).toBeGreaterThan(0);
    expect(secrets.every(({ stored }) => stored)).toBe(true);
    const { changes, adopted } = await publishAndAdopt(client_id);
    const replaced = [...new Set(secrets.map(({ server_name }) => server_name))];
    expect((changes as { updated: string[] }).updated.toSorted()).toEqual(replaced.toSorted());
    expect((adopted as string[]).toSorted()).toEqual(imported.toSorted());
    const after = readFileSync(path, 'utf8');
    if (replaced.length === 0) expect(after).toBe(text);
    const [was, is] = [rawEntries(text), rawEntries(after)];
    for (const [name, entry] of was) if (!replaced.includes(name)) expect(is.get(name)?.raw).toBe(entry.raw);
    for (const name of replaced) {
      const [before, now] = [was.get(name)?.raw ?? '', is.get(name)?.raw ?? ''];
      expect(after.replace(now, () => before)).toBe(text);
    }
    expect((await call('deploy_config', { client_id }))['status']).toBe('unchanged');
    expect((await call('get_deployed', { client_id }))['drift']).toBe(false);
    await call('undo_deployment', { client_id });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

test('what a client says about an entry is in the draft: transport, references, switched off, tools, timeout, own fields', async () => {
  await place('windsurf', readFileSync(join(ROOT, 'test/fixtures/client-samples/windsurf.json'), 'utf8'));
  expect((await importFrom('windsurf')).draft.mcpServers).toEqual({
    browser: { command: 'npx', args: ['-y', 'browser-mcp@0.9.2'], disabled: true, tools: { deny: ['close_tab'] } },
    tracker: {
      type: 'http',
      url: 'https://tracker.example.com/mcp',
      headers: { Authorization: 'Bearer ${env:TRACKER_TOKEN}' },
    },
  });
  await place('codex-cli', readFileSync(join(ROOT, 'test/fixtures/client-samples/codex-cli.toml'), 'utf8'));
  expect((await importFrom('codex-cli')).draft.mcpServers).toEqual({
    docs: {
      command: 'npx',
      args: ['-y', 'docs-mcp'],
      env: { LOG_LEVEL: 'warn', DOCS_TOKEN: '${env:DOCS_TOKEN}' },
      'x-client': { 'codex-cli': { startup_timeout_sec: 20 } },
    },
    'release.notes': {
      type: 'http',
      url: 'https://notes.example.com/mcp',
      headers: { Authorization: 'Bearer ${env:NOTES_TOKEN}' },
      disabled: true,
    },
  });
});

test('an input that VS Code asks for is declared, and nobody has to give it on this machine', async () => {
  await place('vscode', readFileSync(join(ROOT, 'test/fixtures/client-samples/vscode.jsonc'), 'utf8'));
  const { draft } = await importFrom('vscode');
  expect(draft.inputs).toEqual({ 'search-key': { description: 'Search API key', required: true } });
  expect((await publishAndAdopt('vscode'))['status']).toBe('deployed');
});

describe('a literal secret', () => {
  const file = JSON.stringify({
    mcpServers: {
      search: {
        command: 'npx',
        args: ['-y', '@brave/brave-search-mcp-server', `--api-key=${SECRET}`],
        env: { BRAVE_API_KEY: 'short-one', OTHER_TOKEN: SECRET },
      },
      board: { url: 'https://board.example.com/mcp', headers: { Authorization: `Bearer ${SECRET}` } },
    },
  });

  test('becomes a reference wherever it stands, and its value is in the secret store only', async () => {
    await place('cursor', file);
    const result = await importFrom('cursor', { store_secrets: true });
    expect(result.draft.mcpServers).toEqual({
      search: {
        command: 'npx',
        args: ['-y', '@brave/brave-search-mcp-server', '--api-key=${secret:search.api-key}'],
        env: { BRAVE_API_KEY: '${secret:search.BRAVE_API_KEY}', OTHER_TOKEN: '${secret:search.OTHER_TOKEN}' },
      },
      board: {
        type: 'http',
        url: 'https://board.example.com/mcp',
        headers: { Authorization: 'Bearer ${secret:board.Authorization}' },
      },
    });
    expect(result.catalog_matches).toEqual([{ server_name: 'search', server_id: 'brave-search' }]);
    expect(await app.services.secrets.get('search.BRAVE_API_KEY')).toBe('short-one');
    expect(await app.services.secrets.get('board.Authorization')).toBe(SECRET);
    expect(JSON.stringify(result)).not.toContain(SECRET);
    await publishAndAdopt('cursor');
    for (const name of readdirSync(workspace.home, { recursive: true, encoding: 'utf8', withFileTypes: true })) {
      if (!name.isFile() || name.parentPath.includes('backups')) continue;
      expect(readFileSync(join(name.parentPath, name.name)).includes(SECRET), name.name).toBe(false);
    }
  });

  test('is not stored unless that was said, and a second import finds the names that the first one gave', async () => {
    await place('cursor', file);
    const first = await importFrom('cursor');
    expect(first.secrets.map(({ stored }) => stored)).toEqual([false, false, false, false]);
    expect(await app.services.secrets.names()).toEqual([]);
    const second = await importFrom('cursor', { replace: true, store_secrets: true });
    expect(second.draft).toEqual(first.draft);
    expect((await importFrom('cursor', { replace: true })).secrets.every(({ stored }) => stored)).toBe(true);
  });

  test('never takes the place of another one that has its name', async () => {
    await app.services.secrets.set('board.Authorization', 'somebody-elses', new Date(0).toISOString());
    await place('cursor', file);
    const { secrets } = await importFrom('cursor', { store_secrets: true });
    expect(secrets.map(({ name }) => name)).toContain('board.Authorization-2');
    expect(await app.services.secrets.get('board.Authorization')).toBe('somebody-elses');
  });

  test('is not stored for an agent, and the draft stays as it was', async () => {
    await place('cursor', file);
    const attempt = call('import_config', { client_id: 'cursor', store_secrets: true }, 'agent');
    await expect(attempt).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await call('view_draft_config', { client_id: 'cursor' }))['server_count']).toBe(0);
  });
});

test('what cannot be said in a payload is left alone, with the reason', async () => {
  await place(
    'cursor',
    JSON.stringify({
      mcpServers: {
        text: 'no object',
        both: { command: 'npx', url: 'https://example.com/mcp' },
        neither: { settings: {} },
        folder: { command: 'npx', args: ['${workspaceFolder}/server.js'] },
        numbers: { command: 'npx', args: [1] },
        odd: { type: 'websocket', url: 'https://example.com/mcp' },
        launched: { command: '/opt/bin/mcp-orchestration', args: ['exec-server', '--', 'x'] },
        hidden: { command: 'npx', args: [], notes: { token: SECRET } },
        fine: { command: 'npx', args: [], env: { PORT: 8080, COST: '$${x}'.slice(2) } },
      },
    }),
  );
  const { imported, skipped, draft } = await importFrom('cursor');
  expect(imported).toEqual(['fine']);
  expect(draft.mcpServers['fine']?.['env']).toEqual({ PORT: '8080', COST: '{x}' });
  expect(Object.fromEntries(skipped.map(({ server_name, reason }) => [server_name, reason]))).toEqual({
    text: 'it is no object',
    both: 'it has a command and a URL',
    neither: 'it has neither a command nor a URL',
    folder: 'it has a placeholder that only Cursor fills in',
    numbers: 'its "args" is no list of texts',
    odd: 'its type is none that a remote server can have here',
    launched: 'it starts the launcher of this program: it belongs to a release',
    hidden: 'it holds a secret where no reference can stand: move it into its environment or a header',
  });
});

test('entries of the draft and entries that were deployed stay; without a file, or over HTTP, nothing is read', async () => {
  const missing = importFrom('cursor');
  await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await place('cursor', '{"mcpServers":{"a":{"command":"a","args":[]},"b":{"command":"b","args":[]}}}');
  await call('set_draft_config', {
    client_id: 'cursor',
    payload: { mcpServers: { a: { command: 'mine', args: [] } } },
  });
  app.services.allow_http_deploy = false;
  await expect(call('import_config', { client_id: 'cursor' }, 'user', 'rest')).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  const first = await importFrom('cursor');
  expect(first).toMatchObject({ imported: ['b'], skipped: [{ server_name: 'a' }], revision: 3 });
  expect((await importFrom('cursor', { replace: true })).draft.mcpServers['a']).toEqual({ command: 'a', args: [] });
  await publishAndAdopt('cursor');
  const again = await importFrom('cursor');
  expect([again.imported, again.skipped[0]?.reason, again.revision]).toEqual([
    [],
    'it was deployed from here, and is in a release already',
    4,
  ]);
});

describe('what is legal in a file and refused in a payload', () => {
  const ODD = {
    prototype: '"meta": {"__proto__": {"polluted": 1}}',
    variable: '"env": {"__proto__": "x"}',
    constructor_key: '"meta": {"constructor": 1}',
    infinite: '"meta": 1e400',
    imprecise: '"meta": 12345678901234567890',
    surrogate: '"meta": "\\ud800"',
  };
  const file = (odd: string) =>
    `{"mcpServers": {"odd": {"command": "a", "args": [], ${odd}}, "fine": {"command": "b"}}}`;

  test.each(Object.entries(ODD))(
    '%s: that entry is left alone by name, and the others are imported',
    async (_, odd) => {
      await place('cursor', file(odd));
      const { imported, skipped, draft } = await importFrom('cursor');
      expect([imported, skipped.map(({ server_name }) => server_name)]).toEqual([['fine'], ['odd']]);
      expect(skipped[0]?.reason).toMatch(/^it holds what a payload cannot:/);
      expect(draft.mcpServers).toEqual({ fine: { command: 'b', args: [] } });
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );

  test.each(Object.entries(ODD))(
    '%s: a deployment takes such an entry for a difference, and can take it over',
    async (_, odd) => {
      const path = await place('cursor', file(odd));
      const payload = { mcpServers: { odd: { command: 'a', args: [] } } };
      await call('publish_config', { client_id: 'cursor', payload });
      await expect(call('deploy_config', { client_id: 'cursor' })).rejects.toMatchObject({ code: 'DRIFT_DETECTED' });
      expect((await call('deploy_config', { client_id: 'cursor', adopt: ['odd'] }))['status']).toBe('deployed');
      expect(JSON.parse(readFileSync(path, 'utf8')).mcpServers).toEqual({
        odd: { type: 'stdio', command: 'a', args: [] },
        fine: { command: 'b' },
      });
    },
  );
});
