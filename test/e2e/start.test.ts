import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { BIN, cli, run } from '../support/process.ts';
import { ROOT, testWorkspace } from '../support/workspace.ts';

it('the help that the build has kept is what the program itself would say', async () => {
  const workspace = await testWorkspace();
  const kept = await cli(workspace, '--help');
  // Said twice, it is the program that answers.
  const said = await cli(workspace, '--help', '--help');
  expect(said.stdout).toContain('\n  deploy-config ');
  expect([kept.code, kept.stdout, kept.stderr]).toEqual([0, said.stdout, '']);
  expect(await cli(workspace, '-h')).toMatchObject({ code: 0, stdout: said.stdout });
});

it('the bundle of the command line imports nothing of Node as a whole: the build would have silently become slower', () => {
  const dist = join(ROOT, 'dist');
  const always = readdirSync(dist).filter((name) => /^(bin|start-.*)\.js$/.test(name));
  expect(always.length).toBeGreaterThan(0);
  for (const name of always) {
    const code = readFileSync(join(dist, name), 'utf8');
    expect(code.match(/^import .*"node:.*$/gm) ?? [], name).toEqual([]);
  }
});

it('a short command loads nothing of Node that it does not call', async () => {
  const workspace = await testWorkspace();
  const witness = join(workspace.home, 'witness.cjs');
  writeFileSync(witness, "process.on('exit', () => process.stderr.write(JSON.stringify(process.moduleLoadList)));");
  const { env, home } = workspace;
  const told = await run(process.execPath, ['-r', witness, BIN, 'list-servers', '--json'], { env, cwd: home });
  expect(told.code).toBe(0);
  const loaded: string[] = JSON.parse(told.stderr);
  expect(loaded).toContain('NativeModule sqlite');
  const slow = ['crypto', 'child_process', 'fs/promises', 'stream/consumers', 'dgram'];
  expect(slow.filter((name) => loaded.includes(`NativeModule ${name}`))).toEqual([]);
});

it.each([
  [['--help'], 0],
  [['generate-token', '--help'], 0],
  [['--version'], 0],
  [['list-servers'], 0],
  [['list-servers', '--json'], 0],
  [['get-config', '--json'], 4],
] as const)('%j into a pipe that nobody reads any more ends quietly, with its exit code', async (args, expected) => {
  const { env, home } = await testWorkspace();
  const child = spawn(process.execPath, [BIN, ...args], { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(code, stderr).toBe(expected);
  expect(stderr).not.toContain('EPIPE');
  expect(stderr).not.toContain('INTERNAL_ERROR');
});
