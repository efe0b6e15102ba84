import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codecOf } from '../src/clients/codecs/codec-of.ts';
import { CLIENTS } from '../src/clients/index.ts';
import { pointerIn } from '../src/clients/paths.ts';
import { pointerKeys } from '../src/core/json-value.ts';
import { readEntries } from '../src/core/splice/entries.ts';
import { type OpenHome, openHome } from './support/open-home.ts';
import { ROOT } from './support/workspace.ts';

/** Every client that can be written, in every scope that a deployment may name: deploy, drift, undo, on real files. */

const SAMPLES = join(ROOT, 'test/fixtures/client-samples');

let product: OpenHome;
beforeAll(async () => {
  product = await openHome();
});
afterAll(() => product.close());

const call: OpenHome['call'] = (tool, input) => product.call(tool, input);

const SERVERS = {
  'our-files': { command: 'node', args: ['/opt/files.js', 'first-state'], env: { LEVEL: 'warn' } },
  'our-feed': { type: 'http', url: 'https://feed.example.com/mcp', headers: { 'X-Team': 'docs' } },
  'our-stream': { type: 'sse', url: 'https://stream.example.com/sse' },
  'our-vault': { command: 'node', args: ['/opt/vault.js'], env: { KEY: '${secret:vault-key}' } },
};
const OURS = Object.keys(SERVERS);

const cases = CLIENTS.flatMap((client) =>
  client.deployable_scopes.map((name) => {
    const scope = client.scopes.find((one) => one.scope === name);
    if (scope === undefined || scope.pointer === null) throw new Error('no such scope');
    return { client_id: client.client_id, name, scope, pointer: scope.pointer };
  }),
);

test('37 clients can be written, in 71 files of people', () => {
  expect(new Set(cases.map(({ client_id }) => client_id)).size).toBe(37);
  expect(cases).toHaveLength(71);
});

describe.each(cases)('$client_id, scope $name', ({ client_id, name, scope, pointer }) => {
  test('a deployment changes our entries only, drift is seen, and undoing gives back every byte', async () => {
    const sample = readFileSync(join(SAMPLES, globSync(`${client_id}.*`, { cwd: SAMPLES })[0] ?? ''), 'utf8');
    const inProject = scope.paths.windows?.startsWith('${workspace}') === true || pointer.includes('${workspace}');
    const project = join(product.home, 'projects', `${client_id}-${name}`);
    mkdirSync(project, { recursive: true });
    // Only on Windows, or only where a variable or a person says: such a file is named.
    const config_path = join(inProject ? project : product.home, 'named', `${client_id}.json`);
    const where = {
      client_id,
      config_scope: name,
      ...(inProject && { project }),
      ...(/^[$<]/.test(scope.paths.linux ?? '$') && !scope.paths.linux?.startsWith('${workspace}')
        ? { config_path }
        : {}),
    };
    await call('publish_config', { client_id, payload: { mcpServers: SERVERS }, allow_empty: true });
    const path = String((await call('deploy_config', { ...where, dry_run: true }))['config_path']);
    expect(existsSync(path)).toBe(false);
    expect(path.startsWith(inProject && !pointer.includes('${workspace}') ? project : product.home)).toBe(true);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, sample);

    const codec = await codecOf(scope);
    const keys = pointerKeys(pointerIn(pointer, inProject ? project : undefined));
    const entriesOf = (text: string) => (codec ? readEntries(codec, text, keys) : new Map());
    const deployed = await call('deploy_config', where);
    expect(deployed).toMatchObject({ status: 'deployed', changes: { updated: [], removed: [] } });
    const after = readFileSync(path, 'utf8');
    expect(OURS.filter((server) => !entriesOf(after).has(server))).toEqual([]);
    for (const [server, { raw }] of entriesOf(sample)) expect(entriesOf(after).get(server)?.raw).toBe(raw);
    expect((await call('deploy_config', where))['status']).toBe('unchanged');
    expect((await call('get_deployed', { client_id }))['drift']).toBe(false);

    writeFileSync(path, after.replace('first-state', 'other-state'));
    expect(await call('get_deployed', { client_id })).toMatchObject({
      drift: true,
      changes: [{ server: 'our-files', kind: 'changed' }],
    });
    await expect(call('deploy_config', where)).rejects.toMatchObject({ code: 'DRIFT_DETECTED' });
    await call('deploy_config', { ...where, on_drift: 'overwrite' });
    expect(readFileSync(path, 'utf8')).toBe(after);
    await call('undo_deployment', { client_id });
    writeFileSync(path, after);
    await call('undo_deployment', { client_id });
    expect(readFileSync(path, 'utf8')).toBe(sample);
    // Two scopes of one client may be in one file.
    rmSync(path);
  });
});
