import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATING_SYSTEMS } from '../src/clients/client.ts';
import { CLIENTS } from '../src/clients/index.ts';
import { NATIVE_FACTS, type NativeFacts } from './support/native-facts.ts';
import { entriesIn, type Native, readNative } from './support/native-file.ts';
import { schemaOf, schemaOfEntry } from './support/native-schema.ts';
import { type OpenHome, openHome } from './support/open-home.ts';

/** All that is written is what the client documents: a schema for each, written from that, judges it. */

let product: OpenHome;
beforeAll(async () => {
  product = await openHome();
});
afterAll(() => product.close());
const call: OpenHome['call'] = (tool, input) => product.call(tool, input);

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false });

const url = 'https://a.example.com/mcp';
const limits = { timeout_ms: 1500, tools: { allow: ['read', 'list'], deny: ['delete'] } };
/** Every field of a payload, in every sort of entry. */
const SERVERS: Record<string, object> = {
  'all-of-it': { command: 'npx', args: ['-y', 'a@1.0.0', ''], env: { A: 'x', B: '' }, cwd: '/srv/a b', ...limits },
  'at-most': { command: 'uvx', args: [], timeout_ms: 2_147_483_647 },
  bare: { command: 'node', args: [] },
  'off-local': { command: 'node', args: ['x'], disabled: true, ...limits },
  'on-local': { command: 'node', args: ['x'], disabled: false },
  'refers-env': {
    command: 'node',
    args: ['x'],
    env: { A: '${env:TOKEN}', B: 'b ${env:TOKEN}', TOKEN: '${env:TOKEN}' },
  },
  'refers-input': { command: 'node', args: ['${input:key}'], ...limits },
  'refers-secret': { command: 'node', args: ['x'], env: { A: '${secret:key}' }, ...limits },
  'remote-all': { type: 'http', url, headers: { Authorization: 'Bearer ${env:TOKEN}', 'X-A': 'a b' }, ...limits },
  'remote-bare': { type: 'http', url },
  'remote-off': { type: 'http', url, disabled: true },
  'remote-header': { type: 'http', url, headers: { 'X-Key': '${env:TOKEN}', 'X-Other': 'pre ${env:TOKEN}' } },
  'remote-secret': { type: 'http', url, headers: { 'X-Key': '${secret:key}' }, ...limits },
  'stream-all': { type: 'sse', url, headers: { 'X-A': 'a' }, disabled: false, ...limits },
  'stream-bare': { type: 'sse', url },
  'literal-hard': {
    command: 'node',
    args: ['$${HOME} $(id) {env:A} %A% `b`'],
    env: { A: '$${{ secrets.A }} {{user}}' },
  },
};
const OWN: Record<string, object> = {
  'codex-cli': { startup_timeout_sec: 5 },
  'claude-code': { alwaysLoad: true },
  cline: { autoApprove: ['read'] },
  'gemini-cli': { trust: true },
  kiro: { autoApprove: ['read'] },
  vscode: { envFile: '/srv/.env' },
};

const payload = {
  mcpServers: Object.fromEntries(
    Object.entries(SERVERS).map(([name, entry]) => [name, name === 'bare' ? { ...entry, 'x-client': OWN } : entry]),
  ),
  inputs: { key: { description: 'A key', required: true } },
};

const textFor = async ({ id }: NativeFacts, os: string) => {
  await call('publish_config', { client_id: id, payload });
  return String((await call('get_native', { client_id: id, os }))['text']);
};

test('a schema is written for every client that can be written', () => {
  const writable = CLIENTS.filter(({ dialect }) => dialect !== null).map(({ client_id }) => client_id);
  expect(NATIVE_FACTS.map(({ id }) => id).toSorted()).toEqual(writable.toSorted());
});

describe.each(NATIVE_FACTS)('$id', (facts) => {
  const validate = ajv.compile(schemaOf(facts));
  const faults = (file: unknown) =>
    validate(file) ? [] : validate.errors?.map((it) => `${it.instancePath} ${it.message}`);

  test.each(OPERATING_SYSTEMS)('is valid in the file for %s, with every field of a payload', async (os) => {
    const text = await textFor(facts, os);
    const file = readNative(facts, text);
    expect(faults(file)).toEqual([]);
    // What a client cannot switch off is left out; all else is there.
    const left = facts.off ? [] : ['off-local', 'remote-off'];
    const wanted = Object.keys(SERVERS).filter((name) => !left.includes(name));
    expect(Object.keys(entriesIn(facts, text)).toSorted()).toEqual(wanted.toSorted());
  });

  test('says each transport in its own words', async () => {
    const entries = entriesIn(facts, await textFor(facts, 'linux'));
    const asked = {
      'all-of-it': 'stdio',
      bare: 'stdio',
      'remote-bare': 'http',
      'stream-all': 'sse',
      'stream-bare': 'sse',
    } as const;
    for (const [name, kind] of Object.entries(asked)) {
      const one = ajv.compile(schemaOfEntry(facts, kind));
      expect([name, one(entries[name]), one.errors]).toEqual([name, true, null]);
    }
  });

  test('the schema refuses what the client would not understand', async () => {
    const text = await textFor(facts, 'linux');
    const change = (name: string, edit: (entry: Native) => void) => {
      const file = readNative(facts, text);
      const servers = facts.pointer.reduce<unknown>((value, key) => (value as Native)[key], file);
      const found = facts.list
        ? (servers as Native[]).find((entry) => entry['name'] === name)
        : (servers as Native)[name];
      edit(found as Native);
      return faults(file)?.length !== 0;
    };
    const { command, args, env, tag } = facts.stdio;
    const rename = (from: string, to: string) => (entry: Native) => {
      entry[to] = entry[from];
      delete entry[from];
    };
    const edits: Record<string, [string, (entry: Native) => void]> = {
      'no command': ['all-of-it', (entry) => delete entry[command]],
      'another word for the command': ['all-of-it', rename(command, 'program')],
      'a command of the other shape': ['bare', (entry) => (entry[command] = args ? ['node'] : 'node')],
      'a number in the environment': ['all-of-it', (entry) => (entry[env] = { A: 1 })],
      'a field of nobody': ['bare', (entry) => (entry['x-unknown'] = 1)],
      'arguments in one text': ['all-of-it', (entry) => (entry[args ?? command] = 'a b')],
      ...(facts.http && { 'a server and an address': ['bare', (entry) => (entry[facts.http?.url ?? ''] = url)] }),
      ...(facts.http && { 'no address': ['remote-bare', (entry) => delete entry[facts.http?.url ?? '']] }),
      ...(tag && { 'another type': ['bare', (entry) => (entry[tag.field] = 'other')] }),
      ...(facts.http?.tag?.required && {
        'no type': ['remote-bare', (entry) => delete entry[facts.http?.tag?.field ?? '']],
      }),
      ...(facts.off && {
        'a text that switches off': ['bare', (entry) => (entry[facts.off?.[0].split('/')[0] ?? ''] = 'no')],
      }),
      ...(facts.timeout && {
        'a time with its unit': [
          facts.timeout.only === 'http' ? 'remote-all' : 'all-of-it',
          (entry) => (entry[facts.timeout?.field ?? ''] = '2s'),
        ],
      }),
    };
    const passed = Object.entries(edits).filter(([, [name, edit]]) => !change(name, edit));
    expect(passed.map(([what]) => what)).toEqual([]);
    expect(change('bare', () => undefined)).toBe(false);
  });
});
