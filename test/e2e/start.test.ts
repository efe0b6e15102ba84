import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli } from '../support/process.ts';
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
    expect(code, name).not.toContain('getBuiltinModule("node:child_process")');
  }
});
