import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, chown, copyFile, cp, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { delimiter, join, relative } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../support/certificate.ts';
import { copiesOf, environmentOf, isIgnored, type Stage, stagesOf, wordsOf } from '../support/dockerfile.ts';
import { run, startHttp } from '../support/process.ts';
import { pathWithThisNode } from '../support/tarball.ts';
import { ROOT, temporaryDirectory, testWorkspace } from '../support/workspace.ts';

const HEALTH_CHECK = join(ROOT, 'docker/health-check.js');
const stages = stagesOf(await readFile(join(ROOT, 'Dockerfile'), 'utf8'));
const dockerignore = await readFile(join(ROOT, '.dockerignore'), 'utf8');

const succeeds = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const HAS_DOCKER = succeeds('docker', 'version');
/** What the kernel does for a container can be had without Docker, by root. */
const HAS_NAMESPACES =
  succeeds('unshare', '--mount', '--net', 'ip', 'link', 'set', 'lo', 'up') && succeeds('setpriv', '--version');

describe('the health check of the container', () => {
  it.each(['http', 'https'])('says over %s whether the server of these settings answers', async (scheme) => {
    const workspace = await testWorkspace();
    const made = makeCertificate(workspace.home);
    const tls = { MCP_ORCHESTRATION_TLS_CERT: made.cert_path, MCP_ORCHESTRATION_TLS_KEY: made.key_path };
    const env = { ...workspace.env, ...(scheme === 'https' && tls) };
    const server = await startHttp(workspace, { env });
    const check = () =>
      run(process.execPath, [HEALTH_CHECK], { env: { ...env, MCP_ORCHESTRATION_PORT: new URL(server.url).port } });
    expect(await check()).toMatchObject({ code: 0, stdout: expect.stringContaining('"ok"') });
    await server.stop();
    expect(await check()).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
  });
});

/** Carries out what a stage copies and runs, in a directory for each stage, with the Node and npm of this test. */
async function carryOut(stage: Stage, place: string, path: string): Promise<void> {
  const app = join(place, stage.name || 'image', 'app');
  await mkdir(app, { recursive: true });
  for (const { name, words } of stage.instructions) {
    if (name === 'COPY') {
      const [copy] = copiesOf({ ...stage, instructions: [{ name, words }] });
      for (const source of copy?.sources ?? []) await copyInto(app, place, source, copy?.target ?? '', copy?.from);
    } else if (name === 'RUN') await runInstruction(words, app, path);
  }
}

async function copyInto(app: string, place: string, source: string, target: string, from?: string): Promise<void> {
  const base = from === undefined ? ROOT : join(place, from);
  const to = target.endsWith('/') ? join(app, target, source) : join(app, target);
  const isWanted = (file: string) => from !== undefined || !isIgnored(dockerignore, relative(ROOT, file));
  await cp(join(base, source), to, { recursive: true, filter: isWanted, verbatimSymlinks: true });
}

/** Of npm; the rest is two lines of root about places outside, which the pin below holds. */
async function runInstruction(words: string, app: string, path: string): Promise<void> {
  if (words.startsWith('npm ci --ignore-scripts')) {
    // The packages for the build are those of the checkout: they are many, and nothing of them gets into the image.
    await symlink(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  } else if (words.startsWith('npm ')) {
    const env = { PATH: path, HOME: process.env['HOME'] ?? app, npm_config_prefer_offline: 'true' };
    const inherited = Object.entries(process.env).filter(([name]) =>
      /^npm_config_(cache|registry|userconfig)$/i.test(name),
    );
    const { code, stderr } = await run('/bin/sh', ['-euc', words], {
      env: { ...env, ...(Object.fromEntries(inherited) as Record<string, string>) },
      cwd: app,
    });
    expect(code, `${words}: ${stderr}`).toBe(0);
  } else if (words.startsWith('mkdir /redis ')) {
    // Of the driver of Redis, out of what was installed for the build. The packages of this checkout have links among them.
    const script = words.replaceAll('/redis', join(app, '..', 'redis'));
    expect((await run('/bin/sh', ['-euc', script], { env: { PATH: path }, cwd: app })).code, words).toBe(0);
  } else {
    expect(words).toBe(
      'ln -s /app/bin/mcp-orchestration.js /usr/local/bin/mcp-orchestration && install -d -m 0700 -o 1000 -g 1000 /var/lib/mcp-orchestration',
    );
  }
}

/** As root in namespaces of its own: no network but its own loopback, and no file system that can be written but the volume. */
const CONFINE = `
mount --make-rprivate /
mount --bind "$VOLUME" "$VOLUME"
mount -o remount,bind,ro /
mountpoint -q /tmp && mount -o remount,bind,ro /tmp
ip link set lo up
exec setpriv --reuid=1000 --regid=1000 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all sh -euc "$INSIDE"
`;

/** What somebody does with the container, as its user. */
const INSIDE = `
if touch "$APP/written" 2> /dev/null; then echo 'the root can be written'; exit 90; fi
umask 022
TOKEN=$(mcp-orchestration generate-token --name admin --role admin --expires 1d)
mcp-orchestration serve-http --json &
SERVER=$!
for TRY in $(seq 100); do
  if node "$APP/docker/health-check.js" 2> /dev/null; then break; fi
  kill -0 $SERVER
  sleep 0.1
done
TOKEN=$TOKEN node --input-type=module -e "$ASK"
kill $SERVER
wait $SERVER
echo "data $(stat -c '%a %u' "$MCP_ORCHESTRATION_HOME")"
`;

const ASK = `
const { TOKEN } = process.env;
const ask = (token) => fetch('http://127.0.0.1:8000/v1/clients', { headers: { authorization: 'Bearer ' + token } });
console.log('statuses', (await ask(TOKEN)).status, (await ask('wrong')).status);`;

describe('the Dockerfile without Docker', () => {
  beforeAll(() => {
    if (!HAS_NAMESPACES)
      process.stdout.write('skipped: no namespaces here, so what the Dockerfile makes is not confined\n');
  });

  it.skipIf(!HAS_NAMESPACES)(
    'what it makes serves as another user, with a root that cannot be written, one volume and no network',
    { timeout: 240_000 },
    async () => {
      const place = await temporaryDirectory('mcpo-container');
      onTestFinished(() => rm(place, { recursive: true, force: true, maxRetries: 3 }));
      await chmod(place, 0o755);
      const path = await pathWithThisNode(place);
      for (const stage of stages) await carryOut(stage, place, path);
      const image = stages.at(-1) ?? stages[0];
      if (image === undefined) throw new Error('the Dockerfile is empty');

      const app = join(place, 'image/app');
      const bin = join(place, 'bin');
      await mkdir(bin);
      await copyFile(process.execPath, join(bin, 'node'));
      await symlink(join(app, 'bin/mcp-orchestration.js'), join(bin, 'mcp-orchestration'));
      const volume = join(place, 'volume');
      await mkdir(volume, { mode: 0o700 });
      await chown(volume, 1000, 1000);
      const set = environmentOf(image);
      const inside = (value: string) => value.replace(wordsOf(image, 'VOLUME')[0] ?? '-', volume);
      const env = {
        ...Object.fromEntries(Object.entries(set).map(([name, value]) => [name, inside(value)])),
        ...{ HOME: '/nonexistent', PATH: [bin, '/usr/sbin:/usr/bin:/sbin:/bin'].join(delimiter) },
        ...{ VOLUME: volume, APP: app, INSIDE, ASK },
      };
      const { code, stdout, stderr } = await run('unshare', ['--mount', '--net', 'sh', '-euc', CONFINE], { env });
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toContain('"status":"ok"');
      expect(stdout).toContain('statuses 200 401');
      expect(stdout, 'the data directory is private').toContain('data 700 1000');
    },
  );
});

describe('the image', () => {
  beforeAll(() => {
    if (!HAS_DOCKER) process.stdout.write('skipped: no Docker daemon answers, so the image is not built\n');
  });

  it.skipIf(!HAS_DOCKER)(
    'is built, gets healthy with a root that cannot be written and no network, and stops at once',
    { timeout: 600_000 },
    async () => {
      const name = `mcpo-test-${randomUUID().slice(0, 8)}`;
      const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', cwd: ROOT }).trim();
      onTestFinished(() => {
        spawnSync('docker', ['rm', '--force', '--volumes', name], { stdio: 'ignore' });
        spawnSync('docker', ['image', 'rm', '--force', name], { stdio: 'ignore' });
      });
      docker('build', '--quiet', '--tag', name, '.');
      const confined = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--network', 'none'];
      docker('run', '--detach', '--name', name, ...confined, name);
      await expect
        .poll(() => docker('inspect', '--format', '{{.State.Health.Status}}', name), { timeout: 60_000, interval: 500 })
        .toBe('healthy');
      expect(docker('exec', name, 'id', '--user')).toBe('1000');
      expect(docker('exec', name, 'mcp-orchestration', 'list-clients', '--json')).toContain('"count":42');
      docker('stop', '--time', '15', name);
      expect(docker('inspect', '--format', '{{.State.ExitCode}}', name)).toBe('0');
    },
  );
});
