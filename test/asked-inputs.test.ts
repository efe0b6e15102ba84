import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { parse } from 'jsonc-parser';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OpenHome, openHome } from './support/open-home.ts';

/** The `inputs` of VS Code: they come with the entries that need them, go with the last, and those of others stay. */

let product: OpenHome;
beforeEach(async () => {
  product = await openHome();
});
afterEach(() => product.close());

const call: OpenHome['call'] = (tool, input) => product.call(tool, input);

const uses = (...names: string[]) => ({
  command: 'node',
  args: ['s.js'],
  env: Object.fromEntries(names.map((name, at) => [`V${at}`, `\${input:${name}}`])),
});
const declared = { description: 'The key', required: true };
const payloadOf = (mcpServers: Record<string, object>) => {
  const names = [...JSON.stringify(mcpServers).matchAll(/\$\{input:([^}]+)\}/g)].map(([, name]) => String(name));
  return { mcpServers, inputs: Object.fromEntries(names.map((name) => [name, declared])) };
};
const asked = (id: string) => ({ type: 'promptString', id, description: 'The key', password: true });

let client_id = 'vscode';
beforeEach(() => {
  client_id = 'vscode';
});
const publish = (mcpServers: Record<string, object>) =>
  call('publish_config', { client_id, payload: payloadOf(mcpServers), allow_empty: true });
const deploy = (more: object = {}) => call('deploy_config', { client_id, ...more });
async function release(mcpServers: Record<string, object>, more: object = {}) {
  await publish(mcpServers);
  return deploy(more);
}
/** The file of the client, with this in it. */
async function place(text: string): Promise<string> {
  await publish({});
  const path = String((await deploy({ dry_run: true }))['config_path']);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const inputsIn = (path: string) => parse(readFileSync(path, 'utf8')).inputs;

const FOREIGN = `// ours and theirs
{
\t"inputs": [
\t\t{ "type": "pickString", "id": "size", "options": ["a", "b"], "description": "Size" }, // keep me
\t\t/* no id */ { "type": "promptString" },
\t],
\t"servers": {
\t\t"theirs": { "command": "x", "env": { "S": "\${input:size}" } },
\t},
}
`;

describe.each(['vscode', 'vscode-insiders'])('%s', (id) => {
  test('gets a definition with the first entry that asks, keeps it for the second, and loses it with the last', async () => {
    client_id = id;
    const path = await place(FOREIGN);
    expect(await release({ a: uses('key') })).toMatchObject({ status: 'deployed', asked: ['key'], findings: [] });
    expect(inputsIn(path).at(-1)).toEqual(asked('key'));
    expect(parse(readFileSync(path, 'utf8')).servers.a.env).toEqual({ V0: '${input:key}' });
    expect((await deploy())['status']).toBe('unchanged');
    expect((await call('get_deployed', { client_id }))['drift']).toBe(false);
    await release({ a: uses('key', 'key.2'), b: uses('key') });
    expect(inputsIn(path).slice(2)).toEqual([asked('key'), asked('key.2')]);
    await release({ b: uses('key') });
    expect(inputsIn(path).slice(2)).toEqual([asked('key')]);
    expect(await release({ b: { command: 'node', args: [] } })).toMatchObject({ asked: [] });
    expect(inputsIn(path)).toHaveLength(2);
    await release({});
    expect(readFileSync(path, 'utf8')).toBe(FOREIGN);
  });
});

describe('the bytes of the file', () => {
  test.each([
    ['comments, tabs and a last comma', FOREIGN],
    ['an empty list', '{ "inputs": [], "servers": {} }\n'],
    ['an empty list over lines with a comment', '{\r\n  "inputs": [\r\n    // none yet\r\n  ]\r\n}\r\n'],
    ['one line', '{"inputs":[{"type":"promptString","id":"x","description":"d"}],"servers":{"o":{"command":"o"}}}'],
    ['no list', '{\n  "servers": {}\n}\n'],
    ['an empty object', '{}'],
    ['comments only', '// nothing yet\n'],
    ['a mark at the beginning', '\uFEFF{\n    "servers": {},\n    "inputs": [ {"id": "1"} ]\n}'],
  ])('are those from before once all of ours is gone, and after an undo: %s', async (_, text) => {
    const path = await place(text);
    await release({ a: uses('key', 'other') });
    expect(inputsIn(path).slice(-2)).toEqual([asked('key'), asked('other')]);
    await call('undo_deployment', { client_id });
    expect(readFileSync(path, 'utf8')).toBe(text);
    await release({ a: uses('key', 'other') });
    await release({ a: uses('other') });
    await release({});
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('a file that is not there is made with both, and an undo takes it away', async () => {
    await publish({ a: uses('key') });
    const path = String((await deploy())['config_path']);
    expect(readFileSync(path, 'utf8')).toBe(
      `${JSON.stringify({ servers: { a: { type: 'stdio', ...uses('key') } }, inputs: [asked('key')] }, null, 2)}\n`,
    );
    const native = await call('get_native', { client_id, os: 'linux' });
    expect(native['text']).toBe(readFileSync(path, 'utf8'));
    await call('undo_deployment', { client_id });
    expect(existsSync(path)).toBe(false);
  });

  test('an undo among the changes of others takes back ours only', async () => {
    const path = await place(FOREIGN);
    await release({ a: uses('key') });
    writeFileSync(path, readFileSync(path, 'utf8').replace('// keep me', '// changed by somebody'));
    await call('undo_deployment', { client_id });
    expect(readFileSync(path, 'utf8')).toBe(FOREIGN.replace('// keep me', '// changed by somebody'));
    await release({ a: uses('key') });
    await release({ a: uses('other') });
    writeFileSync(path, readFileSync(path, 'utf8').replace('// changed', '// again'));
    await call('undo_deployment', { client_id });
    expect(inputsIn(path).slice(2)).toEqual([asked('key')]);
  });

  test('are as before for every list of others (property)', async () => {
    const item = fc.record(
      {
        id: fc.constantFrom('a', 'b', '__proto__', '0', 'ü'),
        type: fc.constantFrom('promptString', 'command'),
        n: fc.json(),
      },
      { requiredKeys: ['type'] },
    );
    const lists = fc.uniqueArray(item, { selector: ({ id }) => id ?? Math.random(), maxLength: 4 });
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    await fc.assert(
      fc.asyncProperty(lists, fc.constantFrom(undefined, 1, '\t'), fc.boolean(), async (inputs, indent, first) => {
        const servers = { theirs: { command: 'x' } };
        const text = JSON.stringify(first ? { inputs, servers } : { servers, inputs }, null, indent);
        const path = await place(text);
        await release({ mine: uses('key', 'second') });
        expect(inputsIn(path)).toEqual([...JSON.parse(text).inputs, asked('key'), asked('second')]);
        await release({});
        expect(readFileSync(path, 'utf8')).toBe(text);
      }),
      { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 8), seed },
    );
  });
});

describe('drift', () => {
  test.each([
    ['changed', (text: string) => text.replace('The key', 'Another'), 'changed: description'],
    ['shown in the open', (text: string) => text.replace(/,\s*"password":\s*true/, ''), 'missing: password'],
    ['taken out', (text: string) => text.replace(/,\s*\{[^{}]*"id":\s*"key"[^{}]*\}/, ''), undefined],
  ])('is seen when a definition of ours was %s, refused, and put back when that is said', async (_, edit, detail) => {
    const path = await place('{ "inputs": [{ "id": "first" }], "servers": {} }');
    await release({ a: uses('key') });
    const ours = readFileSync(path, 'utf8');
    writeFileSync(path, edit(ours));
    expect(edit(ours)).not.toBe(ours);
    const kind = detail === undefined ? 'missing' : 'changed';
    expect(await call('get_deployed', { client_id })).toMatchObject({
      drift: true,
      changes: [{ server: '${input:key}', kind, ...(detail && { detail }) }],
    });
    await expect(deploy()).rejects.toMatchObject({
      code: 'DRIFT_DETECTED',
      details: { changes: [{ server: '${input:key}', kind }] },
    });
    await deploy({ on_drift: 'keep' });
    expect(readFileSync(path, 'utf8')).toBe(edit(ours));
    expect(JSON.stringify((await deploy({ dry_run: true, on_drift: 'overwrite' }))['plan'])).toContain('${input:key}');
    await deploy({ on_drift: 'overwrite' });
    expect(inputsIn(path)).toEqual([{ id: 'first' }, asked('key')]);
    expect((await call('get_deployed', { client_id }))['drift']).toBe(false);
  });
});

describe('definitions of others', () => {
  const OTHER = { type: 'promptString', id: 'key', description: 'Token of another server', password: true };
  const text = JSON.stringify({ inputs: [OTHER], servers: {} });

  test('of the same name are not used behind the back of their owner: the answer to one may be a secret', async () => {
    const path = await place(text);
    await publish({ a: uses('key') });
    await expect(deploy()).rejects.toMatchObject({
      code: 'DRIFT_DETECTED',
      details: { changes: [{ server: '${input:key}', kind: 'foreign' }] },
      hint: expect.stringContaining("--adopt '${input:key}'"),
    });
    expect(readFileSync(path, 'utf8')).toBe(text);
    for (const adopt of [['${input:key}'], true]) {
      expect(await deploy({ adopt })).toMatchObject({ asked: [] });
      expect(inputsIn(path)).toEqual([OTHER]);
      await call('undo_deployment', { client_id });
    }
    await deploy({ adopt: ['${input:key}'] });
    await release({ a: { ...uses('key'), args: ['changed.js'] } });
    expect(inputsIn(path)).toEqual([OTHER]);
    await release({});
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('that say the same are used, and stay when ours go', async () => {
    const same = JSON.stringify({ inputs: [asked('key')], servers: {} });
    const path = await place(same);
    expect(await release({ a: uses('key') })).toMatchObject({ status: 'deployed', asked: [] });
    await release({});
    expect(readFileSync(path, 'utf8')).toBe(same);
  });

  test('are needed as long as an entry of others asks for one of ours', async () => {
    const path = await place('{ "servers": {} }');
    await release({ a: uses('key') });
    const file = parse(readFileSync(path, 'utf8'));
    file.servers.theirs = uses('key');
    writeFileSync(path, JSON.stringify(file));
    await release({});
    expect(parse(readFileSync(path, 'utf8'))).toEqual({ servers: { theirs: uses('key') }, inputs: [asked('key')] });
    expect((await call('get_deployed', { client_id }))['drift']).toBe(false);
  });

  test('that stand there twice, or in no list, are refused by place only when ours are concerned', async () => {
    const twice = JSON.stringify({ inputs: [{ id: 'key' }, { id: 'key' }], servers: {} });
    const path = await place(twice);
    await expect(release({ a: uses('key') })).rejects.toMatchObject({
      code: 'CLIENT_FILE_UNPARSABLE',
      details: { reason: 'duplicate_key', line: 1, config_path: path },
    });
    expect(await release({ a: uses('other') })).toMatchObject({ status: 'deployed' });
    writeFileSync(path, '{ "inputs": {}, "servers": {} }');
    await publish({ b: uses('key') });
    await expect(deploy({ on_drift: 'overwrite' })).rejects.toMatchObject({ details: { reason: 'not_a_list' } });
  });
});

describe('what a person gives', () => {
  test('is not asked of this machine where the client asks, and a value for it is told to be unused', async () => {
    await publish({ a: uses('key') });
    expect((await deploy({ dry_run: true }))['findings']).toEqual([]);
    const { findings, config_path } = await deploy({ inputs: { key: 'made-up-value' } });
    expect(findings).toMatchObject([{ code: 'INPUT_ASKED_BY_CLIENT', severity: 'warning', path: '/inputs/key' }]);
    expect(readFileSync(String(config_path), 'utf8')).not.toContain('made-up-value');
  });

  test('is asked of this machine when another reference of the entry needs the launcher', async () => {
    const mixed = { ...uses('key'), args: ['${secret:other}'] };
    await publish({ a: mixed, b: { command: 'node', args: [], cwd: '/srv/${input:dir}' } });
    await expect(deploy()).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field: 'inputs.dir' } });
    const done = await deploy({ inputs: { key: 'v', dir: 'd' } });
    expect(done).toMatchObject({ asked: [], findings: [] });
    expect(parse(readFileSync(String(done['config_path']), 'utf8'))).not.toHaveProperty('inputs');
  });

  test('a default that VS Code would fill in itself stays with the launcher, any other is offered', async () => {
    const inputs = {
      plain: { description: 'Plain', required: true, default: 'C:\\x "y"' },
      odd: { description: 'Odd', required: true, default: '${workspaceFolder}' },
    };
    const payload = { mcpServers: { a: uses('plain'), b: uses('odd') }, inputs };
    await call('publish_config', { client_id, payload });
    const done = await deploy();
    expect(done).toMatchObject({ asked: ['plain'] });
    expect(inputsIn(String(done['config_path']))).toEqual([
      { type: 'promptString', id: 'plain', description: 'Plain', default: 'C:\\x "y"', password: true },
    ]);
  });

  test('a remote entry asks too, and needs no bridge for it', async () => {
    const remote = {
      type: 'http',
      url: 'https://a.example.com/mcp',
      headers: { Authorization: 'Bearer ${input:key}' },
    };
    const done = await release({ a: remote });
    expect(parse(readFileSync(String(done['config_path']), 'utf8'))).toEqual({
      servers: { a: remote },
      inputs: [asked('key')],
    });
    expect(JSON.stringify(await call('get_config', { client_id }))).not.toContain('mcp-remote');
  });
});

test('import, a change, and a deployment keep the definitions that were there', async () => {
  const path = await place(FOREIGN);
  await call('import_config', { client_id });
  await call('publish_config', { client_id });
  expect(await deploy({ adopt: true })).toMatchObject({ status: 'deployed', asked: [] });
  expect(readFileSync(path, 'utf8')).toBe(FOREIGN);
  const { payload } = (await call('get_config', { client_id })) as { payload: { mcpServers: Record<string, object> } };
  const theirs = { ...payload.mcpServers['theirs'], args: ['more'] };
  await call('publish_config', { client_id, payload: { ...payload, mcpServers: { theirs } } });
  expect(await deploy()).toMatchObject({ status: 'deployed', changes: { updated: ['theirs'] }, asked: [] });
  expect(inputsIn(path)).toEqual(parse(FOREIGN).inputs);
});
