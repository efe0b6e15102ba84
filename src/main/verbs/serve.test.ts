import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { expect, it } from 'vitest';
import { cliHere, cliHereJson } from '../../../test/support/in-process.ts';
import { testWorkspace, type Workspace } from '../../../test/support/workspace.ts';
import { main } from '../bin.ts';

/** MCP over the two streams of a start in this process, with a real client at the other end. */

interface Session {
  client: Client;
  /** Ends the input, as a client does that goes; gives the exit code and what was said beside the protocol. */
  leave(): Promise<{ code: number; stderr: string }>;
}

async function session({ env, home }: Workspace, ...args: string[]): Promise<Session> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const said = text(stderr);
  const ended = main({ args, stdin, stdout, stderr, cwd: home, env });
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StdioServerTransport(stdout, stdin));
  return {
    client,
    async leave() {
      stdin.end();
      const code = await ended;
      stderr.end();
      await client.close();
      return { code, stderr: await said };
    },
  };
}

const objectOf = (contents: unknown[]) => JSON.parse((contents[0] as { text: string }).text);

it('a start without a verb, on pipes, serves the core tools until its client goes', async () => {
  const { client, leave } = await session(await testWorkspace());
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toHaveLength(18);
  expect(names).toContain('publish_config');
  expect(names).not.toContain('undo_deployment');
  expect(await leave()).toEqual({ code: 0, stderr: '' });
});

it('--toolsets adds tools; one that does not exist and a kind that does not exist are refused', async () => {
  const workspace = await testWorkspace();
  const { client, leave } = await session(workspace, 'serve', '--toolsets', 'machine,releases');
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['undo_deployment', 'history', 'publish_config']));
  await leave();
  const unknown = await cliHere(workspace, 'serve', '--toolsets', 'everything');
  expect([unknown.code, unknown.stdout]).toEqual([2, '']);
  expect(unknown.stderr).toContain('there is no such toolset');
  const kind = await cliHere(workspace, 'serve', '--kind', 'robot');
  expect(kind).toMatchObject({ code: 2, stderr: expect.stringContaining('say user or agent') });
});

it('an agent may draft, and is refused what changes releases and files', async () => {
  const { client, leave } = await session(await testWorkspace(), 'serve', '--kind', 'agent');
  const added = await client.callTool({ name: 'add_server_to_config', arguments: { server_id: 'memory' } });
  expect(added.isError).not.toBe(true);
  const refused = await client.callTool({ name: 'publish_config', arguments: {} });
  expect(refused.isError).toBe(true);
  expect(objectOf(refused.content as unknown[])).toMatchObject({ error: { code: 'FORBIDDEN' } });
  await leave();
});

it('every resource is the object of its operation, and what is not there is named', async () => {
  const workspace = await testWorkspace();
  await cliHereJson(workspace, 'initialize-keys');
  await cliHereJson(workspace, 'add-server', 'memory');
  await cliHereJson(workspace, 'publish-config');
  const { client, leave } = await session(workspace, 'serve');
  const read = async (uri: string) => objectOf((await client.readResource({ uri })).contents);
  expect(await read('capabilities://server')).toMatchObject({ name: 'mcp-orchestration', mode: 'local' });
  expect(await read('capabilities://clients')).toEqual(await cliHereJson(workspace, 'list-clients', '--no-detect'));
  expect(await read('server://registry')).toEqual(await cliHereJson(workspace, 'list-servers'));
  expect(await read('server://memory')).toEqual(await cliHereJson(workspace, 'describe-server', 'memory'));
  const draft = 'config://claude-desktop/default/draft';
  expect(await read(draft)).toEqual(await cliHereJson(workspace, 'view-draft'));
  expect(await read('config://claude-desktop/default/latest')).toMatchObject({ sequence: 1 });
  await expect(read('config://claude-desktop/default/deployed')).rejects.toMatchObject({
    code: -32602,
    data: { error: { code: 'DEPLOYMENT_NOT_FOUND' } },
  });
  await expect(read('config://NO/default/draft')).rejects.toMatchObject({
    code: -32602,
    data: { error: { code: 'INVALID_INPUT' } },
  });
  await leave();
});

it('the variables of resource templates are completed, profiles of the client that is given among them', async () => {
  const workspace = await testWorkspace();
  await cliHereJson(workspace, 'create-profile', 'demo', '--client', 'vscode');
  const { client, leave } = await session(workspace, 'serve');
  const complete = async (uri: string, name: string, value: string, given: Record<string, string> = {}) => {
    const ref = { type: 'ref/resource' as const, uri };
    return (await client.complete({ ref, argument: { name, value }, context: { arguments: given } })).completion.values;
  };
  const draft = 'config://{client_id}/{profile_id}/draft';
  expect(await complete(draft, 'client_id', 'claude')).toEqual(['claude-desktop', 'claude-code']);
  expect(await complete(draft, 'profile_id', 'de', { client_id: 'vscode' })).toEqual(['default', 'dev', 'demo']);
  expect(await complete(draft, 'profile_id', 'de', { client_id: 'cursor' })).toEqual(['default', 'dev']);
  expect(await complete('server://{server_id}', 'server_id', 'filesys')).toEqual(['filesystem']);
  await leave();
});
