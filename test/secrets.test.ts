import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecrets } from '../src/io/secrets/store.ts';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { BIN, cli, cliJson, run } from './support/process.ts';
import { modesUnder, testWorkspace, type Workspace } from './support/workspace.ts';

const AT = '2026-01-01T00:00:00.000Z';
/** Made up; every form in which it could be lying about. */
const VALUE = 'made-up-Zebra-4711';
const FORMS = [
  VALUE,
  Buffer.from(VALUE).toString('base64').replaceAll('=', ''),
  Buffer.from(VALUE).toString('hex'),
  encodeURIComponent(VALUE),
];

const store = (workspace: Workspace, name: string, value: string, more: Record<string, string> = {}) =>
  cliHereWith({ ...workspace, env: { ...workspace.env, ...more } }, { input: value }, 'set-secret', name, '--json');

/** The same by a program that is started for it. */
const storeByProcess = ({ env, home }: Workspace, name: string, value: string) =>
  run(process.execPath, [BIN, 'set-secret', name, '--json'], { env, cwd: home, input: value });

const filesUnder = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());

describe('the secret store', () => {
  it('keeps a value that comes by standard input, and never shows it', async () => {
    const workspace = await testWorkspace();
    const stored = await storeByProcess(workspace, 'github.token', `${VALUE}\n`);
    expect(JSON.parse(stored.stdout)).toEqual({ status: 'stored', name: 'github.token', backend: 'file' });
    expect(JSON.parse((await storeByProcess(workspace, 'github.token', VALUE)).stdout)).toMatchObject({
      status: 'replaced',
    });
    const listed = await cliJson(workspace, 'list-secrets');
    expect(listed).toMatchObject({ count: 1, secrets: [{ name: 'github.token', backend: 'file' }] });
    const debug = await cli(
      { ...workspace, env: { ...workspace.env, MCP_ORCHESTRATION_LOG_LEVEL: 'debug' } },
      'list-secrets',
    );
    const outputs = [stored.stdout, stored.stderr, JSON.stringify(listed), debug.stdout, debug.stderr];
    const contents = filesUnder(workspace.home).map((path) => readFileSync(path).toString('latin1'));
    for (const form of FORMS) for (const text of [...outputs, ...contents]) expect(text.includes(form)).toBe(false);
    expect(await openSecrets(workspace).get('github.token')).toBe(VALUE);
  });

  it('is private also under a umask that hides nothing', async () => {
    const workspace = await testWorkspace();
    const umasked = `umask 000; printf x | "${process.execPath}" "${BIN}" set-secret a`;
    expect((await run('/bin/sh', ['-c', umasked], { env: workspace.env, cwd: workspace.home })).code).toBe(0);
    expect(await modesUnder(workspace.data_dir)).toMatchObject({
      'keys/': '0700',
      'keys/secrets.key': '0600',
      'secrets.json': '0600',
    });
  });

  it('refuses what is no secret, in words, and stores nothing', async () => {
    const workspace = await testWorkspace();
    for (const [name, value] of [
      ['a', ''],
      ['a', '\n'],
      ['a', 'x\0y'],
      ['a', 'x'.repeat(65_537)],
      ['__proto__', 'x'],
      ['-a', 'x'],
      ['a b', 'x'],
    ] as const) {
      const refused = await store(workspace, name, value);
      expect([refused.code, refused.stdout.includes('INVALID_INPUT')], `${name}: ${refused.stdout}`).toEqual([2, true]);
    }
    expect((await cliHere(workspace, 'set-secret', 'a', '--value', VALUE)).code).toBe(2);
    expect(existsSync(join(workspace.data_dir, 'secrets.json'))).toBe(false);
  });

  it('forgets a secret, and names the nearest one when there is none of that name', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'linear', VALUE);
    const missing = await cliHere(workspace, 'delete-secret', 'liner', '--json');
    expect([missing.code, missing.json()['error']]).toMatchObject([
      6,
      { code: 'SECRET_NOT_FOUND', details: { nearest: ['linear'] } },
    ]);
    expect(await cliHereJson(workspace, 'delete-secret', 'linear')).toEqual({ status: 'deleted', name: 'linear' });
    expect(await openSecrets(workspace).get('linear')).toBeUndefined();
  });

  it('loses none of 40 names that four processes store at once', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'first', 'x');
    const code = `
      import { openSecrets } from ${JSON.stringify(join(import.meta.dirname, '../src/io/secrets/store.ts'))};
      const store = openSecrets({ data_dir: ${JSON.stringify(workspace.data_dir)} });
      for (let n = 0; n < 10; n++) await store.set(process.argv[1] + n, 'value of ' + process.argv[1] + n, '${AT}');`;
    const racers = ['a', 'b', 'c', 'd'].map((name) =>
      run(process.execPath, ['--input-type=module', '-e', code, name], { env: workspace.env }),
    );
    for (const { code: exit, stderr } of await Promise.all(racers)) expect(exit, stderr).toBe(0);
    const secrets = openSecrets(workspace);
    expect(await secrets.names()).toHaveLength(41);
    expect(await secrets.get('c7')).toBe('value of c7');
  });

  it('opens nothing that was changed, moved under another name, or locked with another key', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'one', VALUE);
    await store(workspace, 'two', 'other');
    const path = join(workspace.data_dir, 'secrets.json');
    const good = readFileSync(path, 'utf8');
    const tampered = (change: (file: { entries: Record<string, Record<string, string>> }) => void) => {
      const file = JSON.parse(good);
      change(file);
      writeFileSync(path, JSON.stringify(file));
    };
    const refusals: ((file: { entries: Record<string, Record<string, string>> }) => void)[] = [
      ({ entries }) => Object.assign(entries['one'] ?? {}, { tag: Buffer.alloc(16).toString('base64') }),
      ({ entries }) => Object.assign(entries['one'] ?? {}, { tag: 'AAAA' }),
      ({ entries }) => Object.assign(entries['one'] ?? {}, { ciphertext: 'AAAA' }),
      ({ entries }) => Object.assign(entries, { one: entries['two'] }),
      ({ entries }) => Object.assign(entries, { one: 'plain text' }),
    ];
    for (const change of refusals) {
      tampered(change);
      await expect(openSecrets(workspace).get('one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    writeFileSync(path, good.slice(0, 40));
    await expect(openSecrets(workspace).get('one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    writeFileSync(path, good);
    writeFileSync(join(workspace.data_dir, 'keys/secrets.key'), Buffer.alloc(32));
    await expect(openSecrets(workspace).get('one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is locked by a passphrase when there is one, and says what is missing without it', async () => {
    const workspace = await testWorkspace();
    const passphrase_file = join(workspace.home, 'passphrase');
    writeFileSync(passphrase_file, 'correct horse\n', { mode: 0o600 });
    const env = { MCP_ORCHESTRATION_KEY_PASSPHRASE_FILE: passphrase_file };
    expect((await store(workspace, 'one', VALUE, env)).code).toBe(0);
    expect(existsSync(join(workspace.data_dir, 'keys/secrets.key'))).toBe(false);
    const { data_dir } = workspace;
    expect(await openSecrets({ data_dir, passphrase_file }).get('one')).toBe(VALUE);
    await expect(openSecrets({ data_dir }).get('one')).rejects.toMatchObject({ details: { reason: 'passphrase' } });
    writeFileSync(passphrase_file, 'wrong');
    await expect(openSecrets({ data_dir, passphrase_file }).get('one')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    chmodSync(passphrase_file, 0o644);
    await expect(openSecrets({ data_dir, passphrase_file }).get('one')).rejects.toThrow(/nobody else may read it/);
  });

  it('says in words where a secret is, which there are, and which one is gone', async () => {
    const workspace = await testWorkspace();
    const say = async (input: string, ...words: string[]) => {
      const { code, stdout, stderr } = await cliHereWith(workspace, { input }, ...words);
      return [code, stdout.replaceAll(/\d{4}-\S+Z/g, '<time>'), stderr];
    };
    const note = 'Use it as ${secret:a} in arguments, variables, headers and URLs.\n';
    expect(await say('', 'list-secrets')).toEqual([0, 'No secrets are stored on this machine.\n', '']);
    expect(await say(VALUE, 'set-secret', 'a')).toEqual([0, 'Stored a in the encrypted file of this account\n', note]);
    expect(await say(VALUE, 'set-secret', 'a')).toEqual([
      0,
      'Replaced a in the encrypted file of this account\n',
      note,
    ]);
    expect(await say('', 'list-secrets')).toEqual([0, 'a\tfile\t<time>\n', '']);
    expect(await say('', 'delete-secret', 'b')).toEqual([
      6,
      '',
      expect.stringMatching(/^SECRET_NOT_FOUND: There is no secret "b" on this machine\./),
    ]);
    expect(await say('', 'delete-secret', 'a')).toEqual([0, 'Deleted a\n', '']);
  });

  it('does not lock anything with a new key while something is locked with one that is gone', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'one', VALUE);
    rmSync(join(workspace.data_dir, 'keys/secrets.key'));
    const refused = await store(workspace, 'two', VALUE);
    expect(refused.json()['error']).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'key' } });
    expect(existsSync(join(workspace.data_dir, 'keys/secrets.key'))).toBe(false);
    await expect(openSecrets(workspace).get('one')).rejects.toThrow('The key of the secret store is gone.');
    writeFileSync(join(workspace.data_dir, 'keys/secrets.key'), 'short');
    await expect(openSecrets(workspace).get('one')).rejects.toThrow('The key of the secret store is damaged.');
    rmSync(join(workspace.data_dir, 'keys/secrets.key'));
    mkdirSync(join(workspace.data_dir, 'keys/secrets.key'));
    await expect(openSecrets(workspace).get('one')).rejects.toThrow('cannot be read (EISDIR)');
  });

  it('reads no store that another program wrote, and no passphrase that is not there', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'one', VALUE);
    const path = join(workspace.data_dir, 'secrets.json');
    for (const [text, message] of [
      ['{"version":2}', 'is of a version that this program does not know'],
      ['{"version":1,"kdf":null,"entries":[]}', 'is not what this program wrote'],
      ['{"version":1,"kdf":null,"entries":{"one":{"backend":"keychain","updated_at":"today"}}}', 'has an entry that'],
      ['{"version":1,"kdf":{"name":"scrypt","N":16777216,"r":8,"p":1,"salt":""},"entries":{}}', 'is not what this'],
    ] as const) {
      writeFileSync(path, text);
      await expect(openSecrets(workspace).names(), text).rejects.toThrow(message);
    }
    rmSync(path);
    mkdirSync(path);
    await expect(openSecrets(workspace).names()).rejects.toThrow('cannot be read (EISDIR)');
    rmSync(path, { recursive: true });
    const passphrase_file = join(workspace.home, 'passphrase');
    const locked = openSecrets({ data_dir: workspace.data_dir, passphrase_file });
    await expect(locked.set('one', VALUE, AT)).rejects.toThrow('The passphrase file cannot be read (ENOENT).');
    writeFileSync(passphrase_file, '\n', { mode: 0o600 });
    await expect(locked.set('one', VALUE, AT)).rejects.toThrow('The passphrase file is empty.');
  });

  it('says that the keychain does not give out what it was said to keep', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'one', VALUE);
    const path = join(workspace.data_dir, 'secrets.json');
    const file = JSON.parse(readFileSync(path, 'utf8'));
    file.entries.one = { backend: 'keychain', updated_at: AT };
    writeFileSync(path, JSON.stringify(file));
    expect(await openSecrets(workspace).names()).toEqual([{ name: 'one', backend: 'keychain', updated_at: AT }]);
    await expect(openSecrets(workspace).get('one')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'keychain', name: 'one' },
    });
  });
});
