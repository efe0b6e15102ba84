import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { startHttp } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

const TARGET = ['--client', 'cursor'];
const KEYS = {
  ed25519: ['-algorithm', 'ed25519'],
  'ecdsa-p256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
};

/** A program that signs with openssl and a key of its own, as a hardware module would; and what it was told. */
async function withSigner(algorithm: keyof typeof KEYS, body?: string): Promise<Workspace & { signer: string }> {
  const workspace = await testWorkspace();
  const { home } = workspace;
  const key = join(home, 'hsm.key');
  execFileSync('openssl', ['genpkey', ...KEYS[algorithm], '-out', key], { stdio: 'ignore' });
  const signer = join(home, 'sign');
  const signing =
    algorithm === 'ed25519'
      ? `cat > "${home}/in.$$"; openssl pkeyutl -sign -inkey "${key}" -rawin -in "${home}/in.$$" | base64 -w0; rm "${home}/in.$$"`
      : `openssl dgst -sha256 -sign "${key}" | base64 -w0`;
  const script = `#!/bin/sh
env > "${home}/told.txt"
echo "$@" >> "${home}/asked.txt"
case "$2" in
  public-key) openssl pkey -in "${key}" -pubout ;;
  sign) ${signing} ;;
esac
`;
  writeFileSync(signer, body === undefined ? script : `#!/bin/sh\n${body}\n`);
  chmodSync(signer, 0o700);
  workspace.env['MCP_ORCHESTRATION_SIGNER_COMMAND'] = `${signer} slot-1`;
  return { ...workspace, signer };
}

async function publish(workspace: Workspace): Promise<Record<string, unknown>> {
  await cliHereJson(workspace, 'add-server', 'memory', ...TARGET);
  return cliHereJson(workspace, 'publish-config', ...TARGET);
}

describe('a program that signs', () => {
  it.each(['ed25519', 'ecdsa-p256'] as const)(
    'signs releases that verify, with a key of %s that is not here',
    async (algorithm) => {
      const workspace = await withSigner(algorithm);
      expect(await cliHereJson(workspace, 'initialize-keys')).toMatchObject({
        status: 'already_exists',
        key_dir: null,
        public_key_path: null,
      });
      expect(await publish(workspace)).toMatchObject({ status: 'published' });
      expect(await cliHereJson(workspace, 'get-config', ...TARGET)).toMatchObject({ signature_algorithm: algorithm });
      const { keys } = await cliHereJson(workspace, 'list-keys');
      expect(keys).toMatchObject([{ algorithm, status: 'active' }]);
    },
  );

  it('keeps a server ready and signing, over REST as well', async () => {
    const workspace = await withSigner('ed25519');
    const server = await startHttp(workspace);
    expect((await server.ask('GET', '/readyz', { token: null })).status).toBe(200);
    const payload = { mcpServers: { ours: { command: 'node', args: [] } } };
    expect((await server.ask('POST', '/v1/config/cursor/default/publish', { body: { payload } })).status).toBe(201);
    expect((await server.ask('POST', '/v1/keys/initialize', { body: { regenerate: true } })).body).toMatchObject({
      error: { code: 'INVALID_INPUT', details: { field: 'regenerate' } },
    });
  });

  it('is told nothing of our settings, and is started with its words as they are', async () => {
    const workspace = await withSigner('ed25519');
    workspace.env['MCP_ORCHESTRATION_LOG_LEVEL'] = 'warn';
    workspace.env['NODE_OPTIONS'] = '--no-warnings';
    await publish(workspace);
    const told = execFileSync('cat', [join(workspace.home, 'told.txt')], { encoding: 'utf8' });
    expect(told).not.toMatch(/MCP_ORCHESTRATION|NODE_OPTIONS/);
    const asked = execFileSync('cat', [join(workspace.home, 'asked.txt')], { encoding: 'utf8' });
    expect(asked).toMatch(/^slot-1 public-key\nslot-1 sign [0-9a-f]{64}\n/);
  });

  it.each([
    ['prints no key', 'echo nothing'],
    ['ends badly', 'exit 3'],
    ['never stops printing', 'yes'],
  ])('that %s is told of, and nothing is published', async (_what, body) => {
    const workspace = await withSigner('ed25519', body);
    await cliHereJson(workspace, 'add-server', 'memory', ...TARGET);
    const failed = await cliHere(workspace, 'publish-config', ...TARGET, '--json');
    expect(failed.json()).toMatchObject({ error: { code: 'UNAVAILABLE', details: { reason: 'signer command' } } });
    expect((await cliHere(workspace, 'get-latest', ...TARGET, '--json')).json()).toMatchObject({
      error: { code: 'CONFIG_NOT_FOUND' },
    });
  });

  it('that never ends is given up after ten seconds, also when what it has started lives on; others can write again', async () => {
    const workspace = await withSigner('ed25519', 'sleep 25\necho late');
    await cliHereJson(workspace, 'add-server', 'memory', ...TARGET);
    const begun = performance.now();
    const failed = cliHere(workspace, 'publish-config', ...TARGET, '--json');
    expect((await failed).json()).toMatchObject({
      error: { code: 'UNAVAILABLE', message: expect.stringContaining('too long') },
    });
    await cliHereJson(workspace, 'remove-server', 'memory', ...TARGET);
    expect(performance.now() - begun).toBeLessThan(18_000);
  }, 40_000);

  it('whose signature does not fit its key signs nothing', async () => {
    const workspace = await withSigner('ed25519');
    const wrong = join(workspace.home, 'wrong');
    const script = `#!/bin/sh\n[ "$1" = public-key ] && exec "${workspace.signer}" slot-1 public-key\nhead -c 64 /dev/zero | base64 -w0\n`;
    writeFileSync(wrong, script);
    chmodSync(wrong, 0o700);
    workspace.env['MCP_ORCHESTRATION_SIGNER_COMMAND'] = wrong;
    await cliHereJson(workspace, 'add-server', 'memory', ...TARGET);
    const failed = await cliHere(workspace, 'publish-config', ...TARGET, '--json');
    expect(failed.json()).toMatchObject({
      error: { code: 'UNAVAILABLE', message: expect.stringContaining('another key') },
    });
    expect((await cliHereJson(workspace, 'view-draft', ...TARGET))['server_count']).toBe(1);
  });

  it('has to be named by an absolute path', async () => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_SIGNER_COMMAND'] = 'sign --here';
    const failed = await cliHere(workspace, 'list-keys', '--json');
    expect(failed.json()).toMatchObject({
      error: { code: 'INVALID_INPUT', details: { field: 'MCP_ORCHESTRATION_SIGNER_COMMAND' } },
    });
  });
});
