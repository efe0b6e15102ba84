import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
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

/** What taking a deployment back means for the file and the ledger, on real files. */

let workspace: Workspace;
let app: App;
beforeEach(async () => {
  workspace = await makeWorkspace();
  app = await open();
  await call('initialize_keys');
});
afterEach(async () => {
  await app.close();
  await workspace.remove();
});

const open = (more: { allow_http_deploy?: boolean } = {}) =>
  compose({ config: readConfig(workspace.env), env: workspace.env, log: quietLog(() => undefined, false), ...more });
async function call(tool: string, input: object = {}, door: 'cli' | 'rest' = 'cli', on = app) {
  const operation = OPERATIONS.find(({ mcp }) => mcp?.tool === tool);
  if (!operation) throw new Error(`no operation has the tool ${tool}`);
  return (await invoke(operation, on.localContext(door), input)) as Record<string, never>;
}
const entry = (word: string) => ({ command: 'npx', args: ['-y', 'server@1.0.0', word] });
const publish = (client_id: string, mcpServers: object) =>
  call('publish_config', { client_id, payload: { mcpServers }, allow_empty: true });
/** Publishes and deploys; gives the path of the file. */
async function deploy(client_id: string, mcpServers: object, more: object = {}): Promise<string> {
  await publish(client_id, mcpServers);
  return String((await call('deploy_config', { client_id, ...more }))['config_path']);
}
const textOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : null);
const edit = (file: string, from: string | RegExp, to: string) => {
  const text = readFileSync(file, 'utf8');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
};
/** Somebody else writes another setting into the file. */
const foreignEdit = (text: string) => {
  if (/^(?:#.*\n|\n)*\w+: /.test(text)) return `edited_meanwhile: [1.0,  2]\n${text}`;
  if (/^(?:#.*\n|\n)*(?:\w+ =|\[)/.test(text)) return `edited_meanwhile = [1.0,  2]\n${text}`;
  return text.replace('{', '{ "edited-meanwhile": [1.0,  2],');
};

/** One of each format: every file of the corpus is taken back in corpus.test.ts. */
const formats = new Set<string>();
const SAMPLES = readdirSync(join(ROOT, 'test/fixtures/client-samples')).flatMap((name) => {
  const [client_id = ''] = name.split('.');
  const client = clientById(client_id);
  const scope = client?.scopes.find((one) => one.scope === 'user' && one.paths.linux?.startsWith('~') === true);
  if (scope === undefined || client?.deployable_scopes.includes('user') !== true) return [];
  const format = `${scope.format} ${scope.container}`;
  if (formats.has(format)) return [];
  formats.add(format);
  return [[name, client_id] as const];
});
const CODECS = new Map(
  await Promise.all(
    SAMPLES.map(async ([, client_id]) => {
      const scope = clientById(client_id)?.scopes.find((one) => one.scope === 'user');
      return [client_id, scope && (await codecOf(scope))] as const;
    }),
  ),
);
test('there is a sample of every format', () => expect(formats.size).toBe(6));

describe.each(SAMPLES)('in the sample %s', (name, client_id) => {
  let file: string;
  let sample: string;
  beforeEach(async () => {
    sample = readFileSync(join(ROOT, 'test/fixtures/client-samples', name), 'utf8');
    await publish(client_id, { probe: entry('x') });
    file = String((await call('deploy_config', { client_id, dry_run: true }))['config_path']);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sample);
  });
  const rawsOf = (text: string | null) => {
    const scope = clientById(client_id)?.scopes.find(({ scope: id }) => id === 'user');
    const codec = CODECS.get(client_id);
    if (!codec) throw new Error('no codec');
    const entries = readEntries(codec, text, (scope?.pointer ?? '').split('/').slice(1));
    return Object.fromEntries([...entries].map(([server, { raw }]) => [server, raw]));
  };

  test('the earlier bytes come back, one deployment after the other', async () => {
    await deploy(client_id, { ours: entry('/one'), zmore: entry('/more') });
    const first = textOf(file);
    await deploy(client_id, { ours: entry('/two') });
    expect(await call('undo_deployment', { client_id })).toMatchObject({
      changes: { added: ['zmore'], updated: ['ours'], removed: [] },
    });
    expect(textOf(file)).toBe(first);
    expect(await call('get_deployed', { client_id })).toMatchObject({ sequence: 2, drift: false, up_to_date: false });
    expect(await call('undo_deployment', { client_id })).toMatchObject({
      restored_artifact_id: null,
      changes: { added: [], updated: [], removed: ['ours', 'zmore'] },
    });
    expect(textOf(file)).toBe(sample);
    await expect(call('get_deployed', { client_id })).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
  });

  test('what others changed meanwhile stays, and our entries are the earlier bytes', async () => {
    await deploy(client_id, { ours: entry('/one'), zmore: entry('/more') });
    const first = textOf(file);
    await deploy(client_id, { ours: entry('/two') });
    writeFileSync(file, foreignEdit(readFileSync(file, 'utf8')));
    await call('undo_deployment', { client_id });
    expect(rawsOf(textOf(file))).toEqual(rawsOf(first));
    expect(textOf(file)).toBe(foreignEdit(first ?? ''));
    expect(await call('get_deployed', { client_id })).toMatchObject({ drift: false, sequence: 2 });
    await call('undo_deployment', { client_id });
    expect(textOf(file)).toBe(foreignEdit(sample));
  });

  test('an entry that was taken over is as its owner wrote it', async () => {
    const [theirs = ''] = Object.keys(rawsOf(sample));
    await deploy(client_id, { [theirs]: entry('/taken') }, { adopt: true });
    writeFileSync(file, foreignEdit(readFileSync(file, 'utf8')));
    expect(await call('undo_deployment', { client_id })).toMatchObject({ changes: { updated: [theirs] } });
    expect(textOf(file)).toBe(foreignEdit(sample));
  });

  test('an entry of ours that somebody changed stops it, and nothing is written', async () => {
    await deploy(client_id, { ours: entry('/one') });
    edit(file, '/one', '/edited');
    const edited = textOf(file);
    await expect(call('undo_deployment', { client_id })).rejects.toMatchObject({
      code: 'DRIFT_DETECTED',
      details: { changes: [{ server: 'ours', kind: 'changed', detail: expect.any(String) }] },
    });
    expect(textOf(file)).toBe(edited);
    expect(await call('get_deployed', { client_id })).toMatchObject({ sequence: 2, drift: true });
  });
});

describe('a file that the deployment made', () => {
  test('goes again, and comes again with the next deployment', async () => {
    const file = await deploy('cursor', { ours: entry('/one') });
    expect(await call('undo_deployment', { client_id: 'cursor' })).toMatchObject({ changes: { removed: ['ours'] } });
    expect(textOf(file)).toBeNull();
    expect(await call('deploy_config', { client_id: 'cursor' })).toMatchObject({ status: 'deployed' });
    expect(textOf(file)).toContain('/one');
  });

  test('stays when others wrote into it, without what was ours', async () => {
    const file = await deploy('cursor', { ours: entry('/one') });
    edit(file, '"mcpServers": {', '"mcpServers": { "own": {"command": "mine"},');
    await call('undo_deployment', { client_id: 'cursor' });
    expect(JSON.parse(textOf(file) ?? '')).toEqual({ mcpServers: { own: { command: 'mine' } } });
  });

  test('that is gone already is as it was before', async () => {
    const file = await deploy('cursor', { ours: entry('/one') });
    unlinkSync(file);
    expect(await call('undo_deployment', { client_id: 'cursor' })).toMatchObject({ backup_path: null });
    expect(textOf(file)).toBeNull();
  });
});

describe('an undo', () => {
  test('of a deployment that wrote nothing changes the ledger only, whatever happened to the file', async () => {
    const file = join(workspace.home, '.cursor/mcp.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{"mcpServers":{"ours":{"type":"stdio","command":"npx","args":["-y","server@1.0.0","/one"]}}}');
    await deploy('cursor', { ours: entry('/one') });
    edit(file, '/one', '/edited');
    expect(await call('undo_deployment', { client_id: 'cursor' })).toMatchObject({ backup_path: null });
    expect(textOf(file)).toContain('/edited');
    await expect(call('get_deployed', { client_id: 'cursor' })).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
  });

  test('of drift that was overwritten gives the drift back, and says so', async () => {
    const file = await deploy('cursor', { ours: entry('/one') });
    edit(file, '/one', '/edited');
    const edited = textOf(file);
    await call('deploy_config', { client_id: 'cursor', on_drift: 'overwrite' });
    expect(textOf(file)).toContain('/one');
    await call('undo_deployment', { client_id: 'cursor' });
    expect(textOf(file)).toBe(edited);
    expect(await call('get_deployed', { client_id: 'cursor' })).toMatchObject({ drift: true });
  });

  test('leaves alone what drifted before and was kept', async () => {
    const file = await deploy('cursor', { ours: entry('/one'), notes: entry('/notes') });
    edit(file, '/notes', '/edited');
    await deploy('cursor', { ours: entry('/two'), notes: entry('/other') }, { on_drift: 'keep' });
    writeFileSync(file, foreignEdit(readFileSync(file, 'utf8')));
    await call('undo_deployment', { client_id: 'cursor' });
    expect(textOf(file)).toContain('/edited');
    expect(textOf(file)).toContain('/one');
  });

  test('is refused when another deployment into the same file came later, which it names', async () => {
    const config_path = join(workspace.home, 'shared.json');
    await deploy('cursor', { ours: entry('/one') }, { config_path });
    await deploy('claude-desktop', { ours: entry('/one') }, { config_path });
    await expect(call('undo_deployment', { client_id: 'cursor' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: 'deployment_id', reason: expect.stringContaining('claude-desktop/default') },
    });
    await call('undo_deployment', { client_id: 'claude-desktop' });
    expect(await call('get_deployed', { client_id: 'cursor' })).toMatchObject({ drift: false });
    await call('undo_deployment', { client_id: 'cursor' });
    expect(textOf(config_path)).toBeNull();
  });

  test('takes the deployment that is named, of this profile only, and once', async () => {
    await deploy('cursor', { ours: entry('/one') });
    await deploy('cursor', { ours: entry('/two') });
    const history = await call('deployment_history', { client_id: 'cursor' });
    const [newest = '', oldest = ''] = (history['deployments'] as unknown as { deployment_id: string }[]).map(
      ({ deployment_id }) => deployment_id,
    );
    const undo = (deployment_id: string, client_id = 'cursor') => call('undo_deployment', { client_id, deployment_id });
    await expect(undo(oldest)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(undo(newest, 'vscode')).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
    expect(await undo(newest)).toMatchObject({ deployment_id: newest });
    await expect(undo(newest)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await call('deployment_history', { client_id: 'cursor' })).toMatchObject({
      deployments: [
        { deployment_id: newest, sequence: 2, undone: true },
        { deployment_id: oldest, sequence: 1, undone: false },
      ],
    });
  });

  test('refuses a damaged backup and leaves the file alone', async () => {
    const file = join(workspace.home, '.cursor/mcp.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{"own": 1}');
    await publish('cursor', { ours: entry('/one') });
    const { backup_path } = await call('deploy_config', { client_id: 'cursor' });
    writeFileSync(String(backup_path), '{"own": 2}');
    const deployed = textOf(file);
    await expect(call('undo_deployment', { client_id: 'cursor' })).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      details: { reason: 'backup_damaged' },
    });
    expect(textOf(file)).toBe(deployed);
    expect(await call('list_backups')).toMatchObject({ backups: [{ verified: false }] });
  });

  test('knows its own copies: one that the ledger does not name is listed as not verified', async () => {
    await deploy('cursor', { ours: entry('/one') });
    mkdirSync(join(workspace.data_dir, 'backups'), { recursive: true });
    const name = `${'0'.repeat(16)}-20260101T000000000Z-000.bak`;
    writeFileSync(join(workspace.data_dir, 'backups', name), 'whose?');
    expect(await call('list_backups')).toMatchObject({
      backups: [{ created_at: '2026-01-01T00:00:00.000Z', client_id: null, deployment_id: null, verified: false }],
    });
  });

  test('keeps a copy of what it took away, and is written down for the auditor', async () => {
    const file = await deploy('cursor', { ours: entry('/one') });
    const deployed = textOf(file);
    const { backup_path, deployment_id } = await call('undo_deployment', { client_id: 'cursor' });
    expect(readFileSync(String(backup_path), 'utf8')).toBe(deployed);
    expect(await call('list_backups')).toMatchObject({ backups: [{ verified: true, deployment_id }] });
    const { rows } = await app.store.audit.list('default', { limit: 1 });
    expect(rows[0]).toMatchObject({ operation: 'deployments.undo', facts: { status: 'undone', deployment_id } });
  });

  test.each(['undo_deployment', 'prune_backups'])('over HTTP (%s) needs a server that may write', async (tool) => {
    const closed = await open({ allow_http_deploy: false });
    await expect(call(tool, {}, 'rest', closed)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('--allow-deploy'),
    });
    await closed.close();
  });
});

describe('the backup that undoing needs', () => {
  test('outlives any number of later copies and is never pruned', async () => {
    const file = join(workspace.home, '.cursor/mcp.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{"own": 1}');
    const original = textOf(file);
    await deploy('cursor', { ours: entry('/0') });
    // Each undo keeps a copy of its own.
    for (let round = 1; round <= 7; round += 1) {
      await deploy('cursor', { ours: entry(`/${round}`) });
      await call('undo_deployment', { client_id: 'cursor' });
    }
    expect(await call('prune_backups', { keep: 0 })).toMatchObject({ kept: 1 });
    await call('undo_deployment', { client_id: 'cursor' });
    expect(textOf(file)).toBe(original);
  });
});
