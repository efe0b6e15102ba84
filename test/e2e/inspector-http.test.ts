import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mcpInProcess } from '../support/mcp-in-process.ts';
import { run } from '../support/process.ts';
import { ROOT } from '../support/workspace.ts';

/** The public inspector, without its browser, against `/mcp` with a token. */

const INSPECTOR = join(ROOT, 'node_modules/.bin/mcp-inspector');

it.each(['legacy', 'modern'])(
  'in the %s era the inspector lists tools, resources and prompts, and calls a tool',
  { timeout: 90_000 },
  async (era) => {
    const { url, token, workspace } = await mcpInProcess();
    const { token: secret } = await token();
    const inspect = async (method: string, ...more: string[]) => {
      const asked = ['--cli', url, '--transport', 'http', '--header', `Authorization: Bearer ${secret}`];
      const line = [...asked, '--protocol-era', era, '--method', method, ...more, '--format', 'json', '-q'];
      const { code, stdout, stderr } = await run(INSPECTOR, line, { env: workspace.env, cwd: workspace.home });
      expect(code, `${stdout}${stderr}`).toBe(0);
      return JSON.parse(stdout).result;
    };
    const [{ tools }, called, { resources }, { prompts }] = await Promise.all([
      inspect('tools/list', '--strict'),
      inspect('tools/call', '--tool-name', 'add_server_to_config', '--tool-args-json', '{"server_id":"memory"}'),
      inspect('resources/list'),
      inspect('prompts/list'),
    ]);
    expect(tools).toHaveLength(18);
    expect(called).toMatchObject({ structuredContent: { status: 'added', revision: 1 } });
    expect(resources.map(({ uri }: { uri: string }) => uri)).toEqual([
      'capabilities://clients',
      'server://registry',
      'capabilities://server',
    ]);
    expect(prompts.map(({ name }: { name: string }) => name)).toEqual([
      'migrate_config',
      'troubleshoot_config',
      'review_changes',
    ]);
  },
);

it('without a token that is accepted the inspector says that it needs one', async () => {
  const { url, workspace } = await mcpInProcess();
  const line = [
    '--cli',
    url,
    '--transport',
    'http',
    '--method',
    'tools/list',
    '--stored-auth-only',
    '--format',
    'json',
  ];
  const { code } = await run(INSPECTOR, [...line, '-q'], { env: workspace.env, cwd: workspace.home });
  expect(code).toBe(3);
});
