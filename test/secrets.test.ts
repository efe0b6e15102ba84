import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecrets } from '../src/io/secrets/store.ts';
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
  run(process.execPath, [BIN, 'set-secret', name, '--json'], {
    env: { ...workspace.env, ...more },
    cwd: workspace.home,
    input: value,
  });

const filesUnder = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());

describe('the secret store', () => {
  it('keeps a value that comes by standard input, and never shows it', async () => {
    const workspace = await testWorkspace();
    const stored = await store(workspace, 'github.token', `${VALUE}\n`);
    expect(JSON.parse(stored.stdout)).toEqual({ status: 'stored', name: 'github.token', backend: 'file' });
    expect(JSON.parse((await store(workspace, 'github.token', VALUE)).stdout)).toMatchObject({ status: 'replaced' });
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
    expect((await cli(workspace, 'set-secret', 'a', '--value', VALUE)).code).toBe(2);
    expect(existsSync(join(workspace.data_dir, 'secrets.json'))).toBe(false);
  });

  it('forgets a secret, and names the nearest one when there is none of that name', async () => {
    const workspace = await testWorkspace();
    await store(workspace, 'linear', VALUE);
    const missing = await cli(workspace, 'delete-secret', 'liner', '--json');
    expect([missing.code, missing.json()['error']]).toMatchObject([
      6,
      { code: 'SECRET_NOT_FOUND', details: { nearest: ['linear'] } },
    ]);
    expect(await cliJson(workspace, 'delete-secret', 'linear')).toEqual({ status: 'deleted', name: 'linear' });
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
});
