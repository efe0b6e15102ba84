import { createHash, randomInt } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { temporaryBeside } from '../src/io/temporary.ts';
import { call, callOn, onHome, temporaryFiles } from './crash/invariants.ts';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { cli, HELLO, run, startHttp, startLines, toolCall } from './support/process.ts';
import { makeTestBuild, type TestBuild } from './support/test-build.ts';
import { makeWorkspace, modesUnder, temporaryDirectory, testWorkspace, type Workspace } from './support/workspace.ts';

const payload = (name: string, padding = 0) => ({
  mcpServers: { [name]: { command: 'node', args: [name, 'x'.repeat(padding)] } },
});
const target = { client_id: 'cursor', profile_id: 'default' };

/** A machine that has published, deployed, and stored a secret. */
async function usedMachine(): Promise<Workspace> {
  const workspace = await makeWorkspace();
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: payload('one') });
  await call(workspace, 'deploy_config', target);
  await call(workspace, 'publish_config', { ...target, payload: payload('two') });
  await call(workspace, 'deploy_config', target);
  await cliHereWith(workspace, { input: 'a value' }, 'set-secret', 'TOKEN');
  return workspace;
}

/** Everything under a directory: relative path -> content. */
function contentOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(directory, path), readFileSync(path).toString('latin1')];
    }),
  );
}

const deepLook = async (workspace: Pick<Workspace, 'env' | 'home'>) =>
  onHome(workspace, async ({ services }) => (await services.inspectStore()).problems);

describe('backup and restore', () => {
  let machine: Workspace;
  let backup: string;
  beforeAll(async () => {
    machine = await usedMachine();
    backup = join(machine.home, 'backup');
    await cliHereJson(machine, 'backup', backup);
  });
  afterAll(() => machine.remove());

  it('makes private files, with a digest and a size for each', async () => {
    const modes = await modesUnder(backup);
    expect(modes).toEqual({
      'keys/': '0700',
      'keys/secrets.key': '0600',
      'keys/signing.key': '0600',
      'keys/signing.pub': '0600',
      'machine-id': '0600',
      'manifest.json': '0600',
      'manifest.json.sha256': '0600',
      'secrets.json': '0600',
      'state.db': '0600',
    });
    expect((statSync(backup).mode & 0o777).toString(8)).toBe('700');
    const manifest = JSON.parse(readFileSync(join(backup, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      format: 1,
      product: 'mcp-orchestration',
      problems: [],
      with_keys: true,
      highest_sequence: { default: 2 },
      counters: { 'default/deployments': 2 },
    });
    expect(manifest.migrations).toContain('0001-initial');
    const sums = `${manifest.files.map(({ sha256, path }: { sha256: string; path: string }) => `${sha256}  ${path}`).join('\n')}\n`;
    const { code } = await run('sha256sum', ['--check', '--strict', '--quiet', '-'], {
      env: machine.env,
      cwd: backup,
      input: sums,
    });
    expect(code).toBe(0);
    const own = await run('sha256sum', ['--check', 'manifest.json.sha256'], { env: machine.env, cwd: backup });
    expect(own.stdout).toBe('manifest.json: OK\n');
  });

  it('gives an empty machine everything back: releases, deployments, secrets, the key', async () => {
    const other = await testWorkspace();
    const restored = await cliHereJson(other, 'restore', backup);
    expect(restored).toMatchObject({ status: 'restored', previous: null, machine_id: 'restored', problems: [] });
    expect(await deepLook(other)).toEqual([]);
    expect(await call(other, 'get_config', target)).toEqual(await call(machine, 'get_config', target));
    expect(await call(other, 'publish_config', { ...target, payload: payload('three') })).toMatchObject({
      sequence: 3,
    });
    expect(await call(other, 'deployment_history', target)).toMatchObject({
      deployments: [{ sequence: 2 }, { sequence: 1 }],
    });
    expect(await onHome(other, ({ services }) => services.secrets.get('TOKEN'))).toBe('a value');
    expect((await modesUnder(other.data_dir))['keys/signing.key']).toBe('0600');
    expect((await modesUnder(other.home))['.mcp-orchestration/']).toBe('0700');
    expect(readFileSync(join(other.data_dir, 'bin/mcp-orchestration'), 'utf8')).not.toContain(machine.home);
    expect(temporaryFiles(other.home)).toEqual([]);
  });

  it('refuses a directory that is not empty, one inside the data directory, and a store that is not there', async () => {
    expect(await cliHere(machine, 'backup', backup)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('not empty'),
    });
    expect(await cliHere(machine, 'backup', join(machine.data_dir, 'b'))).toMatchObject({ code: 2 });
    const nobody = await testWorkspace();
    expect(await cliHere(nobody, 'backup', join(nobody.home, 'b'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no store'),
    });
    expect(readdirSync(nobody.home)).toEqual([]);
  });

  it('says whose disk is full, and leaves nothing there', async ({ skip }) => {
    const small = await temporaryDirectory('mcpo-small');
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=100k', 'none', small], { env: machine.env });
    if (mounted.code !== 0) return skip(`a small disk cannot be made here: ${mounted.stderr}`);
    onTestFinished(async () => void (await run('umount', [small], { env: machine.env })));
    const refused = await cliHere(machine, 'backup', join(small, 'b'));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('The disk of the backup is full.') });
    expect(readdirSync(small)).toEqual([]);
  });

  it('says where its flags are told when it is not called as it has to be', async () => {
    const refused = await cliHere(machine, 'backup');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('mcp-orchestration backup --help') });
  });

  it('leaves what another container is just making in the same place alone', async () => {
    const place = join(machine.home, 'shared');
    const elsewhere = join(place, '.tuesday.mcpo-4194304-0123456789abcdef.tmp');
    mkdirSync(elsewhere, { recursive: true });
    await cliHereJson(machine, 'backup', join(place, 'monday'));
    expect(readdirSync(place).toSorted()).toEqual([basename(elsewhere), 'monday']);
  });

  it('leaves out private keys when asked to, and says what to do about that', async () => {
    const place = join(machine.home, 'no-keys');
    const made = await cliHere(machine, 'backup', place, '--without-keys');
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('The private keys are not in it')]);
    expect(readdirSync(join(place, 'keys'))).toEqual(['signing.pub']);
    const other = await testWorkspace();
    const restored = await cliHere(other, 'restore', place);
    expect(restored.stderr).toContain('put keys/ back before you publish');
    await expect(call(other, 'publish_config', { ...target, payload: payload('x') })).rejects.toMatchObject({
      code: 'KEYS_NOT_INITIALIZED',
    });
    expect(await call(other, 'get_config', target)).toMatchObject({ sequence: 2 });
  });

  it('takes the copies of client files along when asked to', async () => {
    const place = join(machine.home, 'with-copies');
    await cliHereJson(machine, 'backup', place, '--with-client-backups');
    expect(readdirSync(join(place, 'backups'))).toEqual(readdirSync(join(machine.data_dir, 'backups')));
  });

  it('puts an old data directory aside only when told to, and never while somebody has its store open', async () => {
    const other = await testWorkspace();
    await call(other, 'initialize_keys');
    await call(other, 'publish_config', { client_id: 'zed', payload: payload('mine') });
    const { machine_id } = await onHome(other, ({ services }) => services.machine());
    const before = contentOf(other.data_dir);
    expect(await cliHere(other, 'restore', backup)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--replace'),
    });
    const server = await startHttp(other);
    const refused = await cli(other, 'restore', backup, '--replace', '--json');
    expect([refused.code, refused.json()]).toMatchObject([1, { error: { details: { reason: 'store_in_use' } } }]);
    expect(await server.stop()).toMatchObject({ code: 0 });
    const planned = await cliHereJson(other, 'restore', backup, '--replace', '--dry-run');
    expect(planned).toMatchObject({ status: 'would_restore', machine_id: 'kept' });
    const { cache, ...now } = contentOf(other.data_dir);
    expect(
      Object.keys(now)
        .toSorted()
        .filter((name) => !/^(cache|state\.db-)/.test(name)),
    ).toEqual(
      Object.keys(before)
        .toSorted()
        .filter((name) => !/^state\.db-/.test(name)),
    );
    const restored = await cliHereJson(other, 'restore', backup, '--replace');
    expect(restored['previous']).toMatch(/\.mcp-orchestration\.before-\d{8}T\d{9}Z$/);
    expect(await onHome(other, ({ services }) => services.machine())).toMatchObject({ machine_id });
    expect(await deepLook(other)).toEqual([]);
    const env = { ...other.env, MCP_ORCHESTRATION_HOME: String(restored['previous']) };
    expect(await call({ env }, 'get_config', { client_id: 'zed' })).toMatchObject({ sequence: 1 });
    expect(await deepLook({ env, home: other.home })).toEqual([]);
  });

  it('brings back a token that was revoked after the backup, and says so', async () => {
    const other = await testWorkspace();
    const { token_id } = await cliHereJson(other, 'generate-token', '--role', 'viewer');
    const before = join(other.home, 'before');
    await cliHereJson(other, 'backup', before);
    await cliHereJson(other, 'revoke-token', String(token_id));
    const { stderr } = await cliHere(other, 'restore', before, '--replace');
    expect(await cliHereJson(other, 'list-tokens')).toMatchObject({ tokens: [{ token_id, revoked_at: null }] });
    expect(stderr).toContain('A token that was revoked since is accepted again');
  });

  it('leaves everything as it was where the data directory cannot change its name', async ({ skip }) => {
    const other = await testWorkspace();
    const bound = await run('mount', ['--bind', other.home, other.home], { env: other.env });
    if (bound.code !== 0) return skip(`a mount point cannot be made here: ${bound.stderr}`);
    onTestFinished(async () => void (await run('umount', [other.home], { env: other.env })));
    const env = { ...other.env, MCP_ORCHESTRATION_HOME: other.home };
    chmodSync(other.home, 0o700);
    await call({ env }, 'initialize_keys');
    const refused = await cliHere({ env, home: other.home }, 'restore', backup, '--replace', '--json');
    expect([refused.code, refused.json()]).toMatchObject([
      1,
      { error: { code: 'WRITE_FAILED', details: { step: 'rename' } } },
    ]);
    // Others make homes beside it meanwhile: only what is named after this one is ours.
    const beside = readdirSync(join(other.home, '..')).filter((name) => name.includes(basename(other.home)));
    expect(beside).toEqual([basename(other.home)]);
    expect(await deepLook({ env, home: other.home })).toEqual([]);
  });

  it('restores no store that the settings would not find', async () => {
    const other = await testWorkspace();
    const elsewhere = join(other.home, 'elsewhere.db');
    const env = { ...other.env, MCP_ORCHESTRATION_DATABASE_URL: `sqlite:${elsewhere}` };
    const there = { env, home: other.home };
    expect(await cliHere(there, 'restore', backup)).toMatchObject({ code: 2, stderr: expect.stringContaining('--to') });
    await call(there, 'initialize_keys');
    await call(there, 'publish_config', { client_id: 'zed', payload: payload('x') });
    const made = await cliHereJson(there, 'backup', join(other.home, 'b'));
    expect(made['tables']).toContainEqual({ table: 'releases', rows: 1 });
  });

  it('makes another machine of it when told to', async () => {
    const other = await testWorkspace();
    const place = join(other.home, 'elsewhere/data');
    const restored = await cliHereJson(other, 'restore', backup, '--new-machine', '--to', place);
    expect(restored).toMatchObject({ machine_id: 'new', home: place });
    const env = { ...other.env, MCP_ORCHESTRATION_HOME: place };
    expect(await call({ env }, 'deployment_history', target)).toMatchObject({ deployments: [] });
    expect(readFileSync(join(place, 'bin/mcp-orchestration'), 'utf8')).toContain(`MCP_ORCHESTRATION_HOME='${place}'`);
  });

  it('backs up a store with a problem, says so with 7, and restores it only when told to', async () => {
    const other = await testWorkspace();
    await cliHereJson(other, 'restore', backup);
    const database = new DatabaseSync(join(other.data_dir, 'state.db'));
    database.exec("update artifacts set canonical = replace(canonical, 'one', '0ne')");
    database.close();
    const place = join(other.home, 'spoiled');
    const made = await cliHere(other, 'backup', place, '--json');
    expect([made.code, made.json()]).toMatchObject([7, { problems: [{ code: 'ARTIFACT_DAMAGED' }] }]);
    const third = await testWorkspace();
    expect(await cliHere(third, 'restore', place)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('--allow-problems'),
    });
    expect(readdirSync(third.home)).toEqual([]);
    expect(await cliHere(third, 'restore', place, '--allow-problems')).toMatchObject({ code: 0 });
    expect(await call(third, 'get_config', target)).toMatchObject({ sequence: 2 });
  });

  it('refuses a store in PostgreSQL, names the command, and not the password', async () => {
    const env = { ...machine.env, MCP_ORCHESTRATION_DATABASE_URL: 'postgres://u:hidden@localhost/x' };
    for (const verb of ['backup', 'restore']) {
      const refused = await cliHere({ env, home: machine.home }, verb, join(machine.home, 'pg'));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/pg_(dump|restore) --/) });
      expect(refused.stderr + refused.stdout).not.toContain('hidden');
    }
  });

  it('restores a backup that an older version made, and leaves migrating to the first start', async () => {
    const old = await testWorkspace();
    mkdirSync(old.data_dir, { mode: 0o700 });
    const database = new DatabaseSync(join(old.data_dir, 'state.db'));
    database.exec(readFileSync(new URL('fixtures/databases/0.1.0.sql', import.meta.url), 'utf8'));
    database.close();
    const place = join(old.home, 'backup');
    const made = await cliHere(old, 'backup', place, '--json');
    expect(made.json()).toMatchObject({ status: 'backed_up', problems: [] });
    const manifest = JSON.parse(readFileSync(join(place, 'manifest.json'), 'utf8'));
    expect(manifest.migrations).toEqual(['0001-initial']);
    const other = await testWorkspace();
    await cliHereJson(other, 'restore', place);
    expect(await deepLook(other)).toEqual([]);
  });
});

describe('a backup that is not as it was written', () => {
  let machine: Workspace;
  let backup: string;
  beforeAll(async () => {
    machine = await usedMachine();
    backup = join(machine.home, 'backup');
    await cliHereJson(machine, 'backup', backup);
  });
  afterAll(() => machine.remove());

  /** Numbers that a seed gives, so that a failure can be played again. */
  function dice(seed: number): (sides: number) => number {
    let state = seed >>> 0;
    return (sides) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * sides);
    };
  }

  it('is refused for every flipped byte of every file, and nothing is written', { timeout: 120_000 }, async () => {
    const seed = Number(process.env['BACKUP_SEED'] ?? randomInt(2 ** 31));
    const roll = dice(seed);
    const files = Object.keys(contentOf(backup));
    const other = await testWorkspace();
    let flips = 0;
    for (let round = 0; flips < 252; round += 1) {
      const file = files[round % files.length] ?? '';
      const path = join(backup, file);
      const bytes = readFileSync(path);
      const at = roll(bytes.length);
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << roll(8));
      writeFileSync(path, flipped);
      const refused = await cliHere(other, 'restore', backup, '--json');
      writeFileSync(path, bytes);
      const where = `seed ${seed}: byte ${at} of ${file}`;
      expect([refused.code, refused.json()], where).toMatchObject([6, { error: { code: 'BACKUP_DAMAGED' } }]);
      expect(readdirSync(other.home), where).toEqual([]);
      flips += 1;
    }
    expect(await cliHere(other, 'restore', backup, '--dry-run')).toMatchObject({ code: 0 });
    expect(readdirSync(other.home)).toEqual([]);
  });

  it('is refused when a file is cut, longer or missing, and when it is no backup at all', async () => {
    const other = await testWorkspace();
    const copy = join(machine.home, 'copy');
    const spoil = async (change: (path: string) => void) => {
      rmSync(copy, { recursive: true, force: true });
      cpSync(backup, copy, { recursive: true });
      change(copy);
      const refused = await cliHere(other, 'restore', copy, '--json');
      expect([refused.code, refused.json()]).toMatchObject([6, { error: { code: 'BACKUP_DAMAGED' } }]);
    };
    for (const file of Object.keys(contentOf(backup))) {
      await spoil((path) => rmSync(join(path, file)));
      await spoil((path) => writeFileSync(join(path, file), readFileSync(join(path, file)).subarray(0, -1)));
      await spoil((path) => writeFileSync(join(path, file), 'x', { flag: 'a' }));
    }
    await spoil((path) => rmSync(path, { recursive: true }));
    cpSync(backup, copy, { recursive: true });
    rmSync(join(copy, 'manifest.json.sha256'));
    const { stderr } = await cliHere(other, 'restore', copy);
    expect(stderr).toContain('manifest.json.sha256 is missing');
    expect(readdirSync(other.home)).toEqual([]);
  });

  it('is refused when its digests are right and what it holds cannot be', async () => {
    const other = await testWorkspace();
    const copy = join(machine.home, 'forged');
    cpSync(backup, copy, { recursive: true });
    const database = new DatabaseSync(join(copy, 'state.db'));
    database.exec("update releases set version = '9.9.9' where sequence = 1; pragma journal_mode = delete");
    database.close();
    const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    const manifest = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8'));
    const state = readFileSync(join(copy, 'state.db'));
    Object.assign(manifest.files[0], { size: state.length, sha256: sha256(state) });
    const sign = () => {
      writeFileSync(join(copy, 'manifest.json'), JSON.stringify(manifest));
      writeFileSync(
        join(copy, 'manifest.json.sha256'),
        `${sha256(Buffer.from(JSON.stringify(manifest)))}  manifest.json\n`,
      );
    };
    sign();
    const refused = await cliHere(other, 'restore', copy);
    expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('RELEASE_ROW_DIFFERS') });
    manifest.files.push({ path: '../out', size: 0, sha256: sha256(Buffer.alloc(0)) });
    sign();
    expect(await cliHere(other, 'restore', copy)).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('other files'),
    });
    expect(readdirSync(other.home)).toEqual([]);
  });
});

describe('a backup beside servers that publish', { timeout: 180_000 }, () => {
  it('has everything that was acknowledged before it began, and is whole', async () => {
    const workspace = await testWorkspace();
    await call(workspace, 'initialize_keys');
    const acknowledged: number[][] = [[], []];
    let stopped = false;
    const publishers = ['cursor', 'zed'].map(async (client_id, index) => {
      const server = startLines(workspace, ['serve']);
      for (const message of HELLO) server.send(message);
      await server.answer(0);
      for (let id = 1; !stopped; id += 1) {
        server.send(toolCall(id, 'publish_config', { client_id, payload: payload(`n${id}`, 20_000) }));
        const { result } = (await server.answer(id)) as { result: { structuredContent: { sequence: number } } };
        acknowledged[index]?.push(result.structuredContent.sequence);
      }
      server.child.stdin?.end();
      await server.ended;
    });
    while (acknowledged.some((list) => list.length < 20)) await new Promise((resolve) => setTimeout(resolve, 20));
    const rounds: { place: string; before: number[] }[] = [];
    for (let round = 0; round < 4; round += 1) {
      const before = acknowledged.map((list) => list.at(-1) ?? 0);
      const place = join(workspace.home, `backup-${round}`);
      expect(await cli(workspace, 'backup', place, '--json')).toMatchObject({ code: 0 });
      rounds.push({ place, before });
    }
    stopped = true;
    await Promise.all(publishers);
    expect(acknowledged.every((list) => list.length > 40)).toBe(true);
    for (const { place, before } of rounds) {
      const empty = await testWorkspace();
      expect(await cliHereJson(empty, 'restore', place)).toMatchObject({ problems: [] });
      expect((await cli(empty, 'doctor', '--deep', '--json')).json()).toMatchObject({ problems: [] });
      await onHome(empty, async (app) => {
        for (const [index, client_id] of ['cursor', 'zed'].entries()) {
          const { sequence } = await callOn(app, 'get_config', { client_id });
          expect(Number(sequence)).toBeGreaterThanOrEqual(before[index] ?? 0);
          expect(await callOn(app, 'publish_config', { client_id, payload: payload('next') })).toMatchObject({
            sequence: Number(sequence) + 1,
          });
        }
      });
    }
  });
});

describe('a backup or restore that is killed', { timeout: 120_000 }, () => {
  let build: TestBuild;
  let machine: Workspace;
  beforeAll(async () => {
    build = await makeTestBuild();
    machine = await usedMachine();
    await cliHereJson(machine, 'backup', join(machine.home, 'whole'));
  });
  afterAll(async () => {
    rmSync(build.directory, { recursive: true, force: true });
    await machine.remove();
  });
  const killedAt = (point: string, { env, home }: Workspace, ...args: string[]) =>
    run(process.execPath, [build.bin, ...args], {
      env: { ...env, MCP_ORCHESTRATION_FAILPOINTS: `${point}=kill` },
      cwd: home,
    });

  it.each(['snapshot.after-store', 'snapshot.before-rename', 'snapshot.after-rename'])(
    'backup at %s: a whole one, or none',
    async (point) => {
      const place = join(machine.home, `at-${point}`);
      expect(await killedAt(point, machine, 'backup', place)).toMatchObject({ signal: 'SIGKILL' });
      expect(existsSync(place)).toBe(point === 'snapshot.after-rename');
      if (!existsSync(place)) await cliHereJson(machine, 'backup', place);
      expect(readdirSync(machine.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      const other = await testWorkspace();
      expect(await cliHereJson(other, 'restore', place)).toMatchObject({ status: 'restored' });
    },
  );

  it.each(['restore.after-stage', 'restore.before-exchange', 'restore.after-place'])(
    'restore at %s over an old store: the whole old or the whole new one',
    async (point) => {
      const other = await testWorkspace();
      await call(other, 'initialize_keys');
      await call(other, 'publish_config', { client_id: 'zed', payload: payload('old') });
      expect(await killedAt(point, other, 'restore', join(machine.home, 'whole'), '--replace')).toMatchObject({
        signal: 'SIGKILL',
      });
      expect(await deepLook(other)).toEqual([]);
      const found = await call(other, 'get_latest', { client_id: point === 'restore.after-place' ? 'cursor' : 'zed' });
      expect(found['sequence']).toBe(point === 'restore.after-place' ? 2 : 1);
      expect(await cliHereJson(other, 'restore', join(machine.home, 'whole'), '--replace')).toMatchObject({
        status: 'restored',
      });
      expect(await call(other, 'get_latest', target)).toMatchObject({ sequence: 2 });
      expect(readdirSync(other.home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    },
  );

  it('leaves what two later ones take away at once, and neither fails', async () => {
    const parent = join(machine.home, 'shared');
    mkdirSync(parent);
    const dead = 2 ** 22;
    for (let count = 0; count < 500; count += 1) {
      const left = temporaryBeside(parent, 'killed').replace(`-${process.pid}-`, `-${dead}-`);
      mkdirSync(left);
      writeFileSync(join(left, 'half'), '');
    }
    const made = await Promise.all(['one', 'two'].map((name) => cli(machine, 'backup', join(parent, name))));
    expect(made).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(readdirSync(parent).toSorted()).toEqual(['one', 'two']);
  });

  it('restore at restore.after-stage into an empty home: nothing is there', async () => {
    const other = await testWorkspace();
    expect(await killedAt('restore.after-stage', other, 'restore', join(machine.home, 'whole'))).toMatchObject({
      signal: 'SIGKILL',
    });
    expect(existsSync(other.data_dir)).toBe(false);
    await cliHereJson(other, 'restore', join(machine.home, 'whole'));
    expect(readdirSync(other.home)).toEqual(['.mcp-orchestration']);
  });
});

const LARGE = Number(process.env['BACKUP_LARGE_MIB'] ?? 0);

describe.skipIf(LARGE === 0)('a large store (left out: it takes minutes; say BACKUP_LARGE_MIB=1024)', () => {
  it('is restored within five minutes for each gigabyte', { timeout: 3_600_000 }, async () => {
    const workspace = await testWorkspace();
    await call(workspace, 'initialize_keys');
    await onHome(workspace, async (app) => {
      const each = 100_000;
      for (let n = 0; n * each < LARGE * 2 ** 20 * 0.9; n += 1) {
        await callOn(app, 'publish_config', { client_id: 'cursor', payload: payload(`n${n}`, each) });
      }
    });
    const size = statSync(join(workspace.data_dir, 'state.db')).size;
    const begun = performance.now();
    const place = join(await temporaryDirectory('mcpo-large'), 'backup');
    onTestFinished(() => rmSync(join(place, '..'), { recursive: true, force: true }));
    await cliHereJson(workspace, 'backup', place);
    const made = performance.now();
    const empty = await testWorkspace();
    await cliHereJson(empty, 'restore', place);
    const restored = performance.now();
    const mib = size / 2 ** 20;
    process.stdout.write(
      `store ${mib.toFixed(0)} MiB: backup ${((made - begun) / 1000).toFixed(1)} s, restore ${((restored - made) / 1000).toFixed(1)} s\n`,
    );
    expect(await deepLook(empty)).toEqual([]);
    expect((restored - made) / 1000).toBeLessThan(300 * (mib / 1024));
  });
});
