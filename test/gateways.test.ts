import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { ROOT, testWorkspace, type Workspace } from './support/workspace.ts';

/** A client that has one entry, which points to a gateway, and the gateway that has the servers. */

const DEFINITIONS = join(ROOT, 'integrations/gateways');
const CURSOR = ['--client', 'cursor'];
const HUB = ['--client', 'mcp-hub'];
const URL = 'http://127.0.0.1:3000/mcp';
const THERE = [...CURSOR, '--url', URL, '--servers-to', 'mcp-hub'];

let place: Workspace;
beforeEach(async () => {
  place = await testWorkspace();
  for (const name of readdirSync(DEFINITIONS)) await json('add-client', join(DEFINITIONS, name));
});
const json = (...args: string[]) => cliHereJson(place, ...args);
const drafted = (client: string[], draft: object) =>
  cliHereWith(place, { input: JSON.stringify(draft) }, 'set-draft', ...client, '--file', '-');
const draftOf = async (client: string[]) => (await json('view-draft', ...client))['draft'];
const refused = async (...args: string[]) =>
  (await cliHere(place, ...args, '--json')).json()['error'] as { code: string; message: string; details: object };

const server = (name: string) => ({ command: 'node', args: [name] });

describe('use-gateway', () => {
  it('takes what the servers need along: references as they are, what people are asked for, fields of one client', async () => {
    const mcpServers = {
      one: { ...server('one'), env: { A: '${secret:a}', B: '${env:B}' }, 'x-client': { cursor: { envFile: '.env' } } },
      two: { type: 'http', url: 'https://two.example/mcp', headers: { Authorization: 'Bearer ${input:two}' } },
    };
    const inputs = { two: { description: 'The token of two', required: true } };
    await drafted(CURSOR, { mcpServers, inputs });
    await drafted(HUB, { mcpServers: { zero: server('zero') } });
    expect(await json('use-gateway', ...THERE)).toMatchObject({ status: 'moved', moved: ['one', 'two'] });
    expect(await draftOf(CURSOR)).toEqual({ mcpServers: { gateway: { type: 'http', url: URL } } });
    expect(await draftOf(HUB)).toEqual({ mcpServers: { zero: server('zero'), ...mcpServers }, inputs });
  });

  it('names the servers that would be overwritten, and moves nothing', async () => {
    await drafted(CURSOR, { mcpServers: { a: server('a'), b: server('b'), same: server('same') } });
    await drafted(HUB, { mcpServers: { a: server('other'), b: server('other'), same: server('same') } });
    expect(await refused('use-gateway', ...THERE)).toMatchObject({
      code: 'SERVER_ALREADY_IN_DRAFT',
      message: 'The draft of mcp-hub has other servers of the same name: `a`, `b`.',
      details: { client_id: 'mcp-hub', server_names: ['a', 'b'] },
    });
    expect([await json('view-draft', ...CURSOR), await json('view-draft', ...HUB)]).toMatchObject([
      { revision: 1, servers: ['a', 'b', 'same'] },
      { revision: 1, servers: ['a', 'b', 'same'] },
    ]);
  });

  it('shows both drafts before and after with --dry-run, and says what went where', async () => {
    await drafted(CURSOR, { mcpServers: { a: server('a'), b: server('b') } });
    expect(await json('use-gateway', ...THERE, '--dry-run')).toMatchObject({
      status: 'planned',
      client: { before: { mcpServers: { a: server('a') } }, after: { mcpServers: { gateway: { url: URL } } } },
      gateway: { before: { mcpServers: {} }, after: { mcpServers: { a: server('a'), b: server('b') } } },
    });
    expect((await cliHere(place, 'use-gateway', ...THERE, '--dry-run')).stdout).toBe(
      '2 servers would go from cursor to mcp-hub: a, b. cursor has one entry: gateway.\n',
    );
    const { stdout, stderr } = await cliHere(place, 'use-gateway', ...THERE);
    expect(stdout).toBe('2 servers went from cursor to mcp-hub: a, b. cursor has one entry: gateway.\n');
    expect(stderr).toContain('publish-config --client mcp-hub --profile default\n');
  });

  it('says that nothing is to be done when it is done again', async () => {
    await drafted(CURSOR, { mcpServers: { a: server('a') } });
    await json('use-gateway', ...THERE);
    expect(await cliHere(place, 'use-gateway', ...THERE)).toMatchObject({
      stdout: 'Unchanged: cursor has one entry already, gateway, and no server to move.\n',
      stderr: '',
    });
  });

  it('refuses an input that the two drafts declare in different ways', async () => {
    const asks = (description: string) => ({ mcpServers: {}, inputs: { id: { description, required: true } } });
    await drafted(CURSOR, asks('your id'));
    await drafted(HUB, asks('the id of the team'));
    expect((await refused('use-gateway', ...THERE)).message).toMatch(/^servers_to: its draft declares the input id/);
    await drafted(HUB, { mcpServers: {}, inputs: [] });
    expect((await refused('use-gateway', ...THERE)).message).toMatch(/^servers_to: `inputs` of one of the two/);
  });

  it('never puts the entry that leads to the gateway behind the gateway', async () => {
    await drafted(CURSOR, { mcpServers: { hub: { type: 'http', url: URL }, a: server('a') } });
    expect(await refused('use-gateway', ...THERE)).toMatchObject({
      code: 'SERVER_ALREADY_IN_DRAFT',
      message: '`hub` in the draft of cursor leads to this gateway already.',
    });
    const renewed = await json('use-gateway', ...THERE, '--name', 'hub', '--bearer', '${secret:hub}');
    expect(renewed).toMatchObject({ moved: ['a'] });
    expect(await draftOf(CURSOR)).toEqual({
      mcpServers: { hub: { type: 'http', url: URL, headers: { Authorization: 'Bearer ${secret:hub}' } } },
    });
    expect(await draftOf(HUB)).toEqual({ mcpServers: { a: server('a') } });
  });

  it('says how a gateway becomes known that is not', async () => {
    const { stderr } = await cliHere(place, 'use-gateway', ...CURSOR, '--url', URL, '--servers-to', 'metamcp');
    expect(stderr).toContain('add-client');
    expect(stderr).toContain('integrations/gateways');
  });

  it('does not repeat a token that was given in the place of a reference', async () => {
    const token = 'made-up-token-of-a-gateway';
    const { code, stdout, stderr } = await cliHere(place, 'use-gateway', ...THERE, '--bearer', token, '--json');
    expect([code, `${stdout}${stderr}`.includes(token)]).toEqual([2, false]);
  });

  it.each([
    ['toolhive', [], { type: 'http', url: 'http://127.0.0.1:4483/mcp' }],
    ['docker-mcp', [], { command: 'docker', args: ['mcp', 'gateway', 'run'] }],
    [
      'docker-mcp',
      ['--docker-profile', 'team'],
      { command: 'docker', args: ['mcp', 'gateway', 'run', '--profile', 'team'] },
    ],
  ])('points to %s %s as its documentation says', async (gateway, more, entry) => {
    await drafted(CURSOR, { mcpServers: { a: server('a') } });
    await json('use-gateway', ...CURSOR, '--gateway', gateway, '--servers-to', gateway, ...more);
    expect(await draftOf(CURSOR)).toEqual({ mcpServers: { gateway: entry } });
    expect(await draftOf(['--client', gateway])).toEqual({ mcpServers: { a: server('a') } });
  });
});

describe('the definitions of gateways', () => {
  it('publish the servers of a gateway whose file is not written, and refuse to deploy there', async () => {
    await json('initialize-keys');
    for (const gateway of ['toolhive', 'docker-mcp']) {
      await drafted(['--client', gateway], { mcpServers: { a: server('a') } });
      await json('publish-config', '--client', gateway);
      expect(await refused('deploy-config', '--client', gateway)).toMatchObject({ code: 'CLIENT_NOT_WRITABLE' });
    }
  });

  it('write for mcp-hub what it reads', async () => {
    await json('initialize-keys');
    const headers = { Authorization: 'Bearer ${env:TOKEN}' };
    await drafted(HUB, {
      mcpServers: {
        far: { type: 'http', url: 'https://far.example/mcp', headers },
        off: { ...server('off'), cwd: '/srv', disabled: true },
      },
    });
    await json('publish-config', ...HUB);
    const { config_path } = await json('deploy-config', ...HUB);
    expect(config_path).toBe(join(place.home, '.config/mcphub/global.json'));
    expect(JSON.parse(readFileSync(String(config_path), 'utf8'))).toEqual({
      mcpServers: {
        far: { type: 'http', url: 'https://far.example/mcp', headers },
        off: { command: 'node', args: ['off'], cwd: '/srv', disabled: true },
      },
    });
  });
});
