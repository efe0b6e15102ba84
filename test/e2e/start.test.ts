import { expect, it } from 'vitest';
import { cli } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

it('the help that the build has kept is what the program itself would say', async () => {
  const workspace = await testWorkspace();
  const kept = await cli(workspace, '--help');
  // Said twice, it is the program that answers.
  const said = await cli(workspace, '--help', '--help');
  expect(said.stdout).toContain('\n  deploy-config ');
  expect([kept.code, kept.stdout, kept.stderr]).toEqual([0, said.stdout, '']);
  expect(await cli(workspace, '-h')).toMatchObject({ code: 0, stdout: said.stdout });
});
