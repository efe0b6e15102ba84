import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** A client application that nobody knew when this version was made. */

const FILE = fileURLToPath(new URL('fixtures/clients/lantern.json', import.meta.url));
const DEFINITION = JSON.parse(readFileSync(FILE, 'utf8'));
const THEIRS =
  '{\n  // mine\n  "tools": { "servers": { "theirs": { "kind": "process", "run": "other" } } },\n  "theme": "dark"\n}\n';

let place: Workspace;
beforeEach(async () => {
  place = await testWorkspace();
});
const json = (...args: string[]) => cliHereJson(place, ...args);
interface Refusal {
  code: string;
  details: { issues: { path: string }[] };
}
const refusalOf = async (...args: string[]) =>
  (await cliHere(place, ...args, '--json')).json()['error'] as unknown as Refusal;
const codeOf = async (...args: string[]) => (await refusalOf(...args)).code;

const placed = (linux: string) => ({
  scopes: [{ ...DEFINITION.scopes[0], paths: { ...DEFINITION.scopes[0].paths, linux } }],
});
const withField = (field: object) => ({
  entry: { ...DEFINITION.entry, stdio: { ...DEFINITION.entry.stdio, ...field } },
});

describe('a client that is added from a file', () => {
  it('is published for, deployed to, watched and rolled back like any other', async () => {
    expect(await codeOf('list-profiles', 'lantern')).toBe('CLIENT_NOT_FOUND');
    expect(await json('add-client', FILE)).toEqual({
      status: 'added',
      client_id: 'lantern',
      display_name: 'Lantern',
      writable: true,
    });
    const file = join(place.home, '.lantern/servers.jsonc');
    mkdirSync(join(place.home, '.lantern'));
    writeFileSync(file, THEIRS);
    expect((await json('list-clients'))['clients']).toContainEqual(
      expect.objectContaining({ client_id: 'lantern', installed: true, formats: ['jsonc'] }),
    );
    await json('initialize-keys');
    const token = ['--env', 'BRAVE_API_KEY=${env:BRAVE_API_KEY}'];
    await json('add-server', 'brave-search', '--client', 'lantern', '--transport', 'stdio', ...token);
    await json('publish-config', '--client', 'lantern');
    await json('deploy-config', '--client', 'lantern');
    const written = readFileSync(file, 'utf8');
    expect(written).toContain('// mine\n');
    expect(written).toMatch(/"brave-search": \{\s*"kind": "process",\s*"run": "npx",\s*"with": \[/);
    expect(written).toContain('"BRAVE_API_KEY": "$(BRAVE_API_KEY)"');
    expect(written).toContain('"theirs": { "kind": "process", "run": "other" }');
    expect(await json('drift-status', '--client', 'lantern')).toMatchObject({ drift_count: 0 });
    writeFileSync(file, written.replace('npx', 'bunx'));
    expect(await json('drift-status')).toMatchObject({ drift_count: 1, deployments: [{ client_id: 'lantern' }] });
    writeFileSync(file, written);
    await json('undo-deployment', '--client', 'lantern');
    expect(readFileSync(file, 'utf8')).toBe(THEIRS);
  });

  it('is known once: neither its id nor that of a client that was there can be taken again', async () => {
    await json('add-client', FILE);
    expect(await codeOf('add-client', FILE)).toBe('CLIENT_ALREADY_EXISTS');
    const cursor = JSON.stringify({ ...DEFINITION, client_id: 'cursor' });
    expect(await codeOf('add-client', '--definition', cursor)).toBe('CLIENT_ALREADY_EXISTS');
  });

  it('is forgotten by its own name only, and one that comes with the program never', async () => {
    await json('add-client', FILE);
    expect(await refusalOf('remove-client', 'lantrn')).toMatchObject({
      code: 'CLIENT_NOT_FOUND',
      message: 'Nobody has added a client "lantrn". Did you mean "lantern"?',
    });
    await json('initialize-keys');
    await json('add-server', 'memory', '--client', 'cursor');
    await json('publish-config', '--client', 'cursor');
    expect(await codeOf('remove-client', 'cursor')).toBe('CLIENT_NOT_FOUND');
  });

  it('may have a note of several lines', async () => {
    const definition = JSON.stringify({ ...DEFINITION, notes: ['one\ntwo'] });
    expect(await json('add-client', '--definition', definition)).toMatchObject({ status: 'added' });
  });

  it.each([
    ['definition.color', { color: 'red' }],
    ['definition.display_name', { display_name: 'Lan\u001b[31mtern' }],
    ['definition.notes.0', { notes: ['all\u202e is well'] }],
    ['definition.client_id', { client_id: '../x' }],
    ['definition.scopes', { scopes: [...DEFINITION.scopes, ...DEFINITION.scopes] }],
    ['definition.deployable_scopes', { deployable_scopes: ['project'] }],
    ['definition.deployable_scopes', { scopes: [{ ...DEFINITION.scopes[0], container: 'list' }] }],
    ['definition.scopes', placed('/srv/shared/servers.jsonc')],
    ['definition.scopes', placed('servers.jsonc')],
    ['definition.scopes', placed('~/../other/servers.jsonc')],
    ['definition.scopes', { scopes: [{ ...DEFINITION.scopes[0], pointer: '/__proto__/servers' }] }],
    ['definition.entry', withField({ args_field: DEFINITION.entry.stdio.command_field })],
    ['definition.entry', withField({ env_field: '__proto__' })],
    [
      'definition.entry',
      { entry: { ...DEFINITION.entry, tools: { allow: '/with/only', deny: null, auto_approve: null } } },
    ],
    ['definition.scopes', { scopes: [{ ...DEFINITION.scopes[0], hides: ['nowhere'] }] }],
    ['definition.dialect', { dialect: null }],
    ['definition.dialect.inputs_at', { dialect: { ...DEFINITION.dialect, inputs_at: '/inputs' } }],
    ['definition.dialect.all_tools', { dialect: { ...DEFINITION.dialect, all_tools: '*' } }],
    [
      'definition.dialect.executes_values',
      { references: null, dialect: { ...DEFINITION.dialect, executes_values: true } },
    ],
    ['definition.dialect.timeout_field', { dialect: { ...DEFINITION.dialect, timeout_field: 'wait' } }],
    ['definition.dialect.write_type', { dialect: { ...DEFINITION.dialect, write_type: ['sse'] } }],
    ['definition.dialect.references', { dialect: { ...DEFINITION.dialect, references: ['secret'] } }],
    ['definition.references.markers', { references: { ...DEFINITION.references, markers: ['#'] } }],
  ])('is refused for what is wrong at %s', async (field, change) => {
    const definition = JSON.stringify({ ...DEFINITION, ...change });
    const error = await refusalOf('add-client', '--definition', definition);
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.details.issues.map(({ path }) => path)).toContain(field);
  });
});
