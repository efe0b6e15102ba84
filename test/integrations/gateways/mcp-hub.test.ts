import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { cliJson, startHttp } from '../../support/process.ts';
import { ROOT, testWorkspace, type Workspace } from '../../support/workspace.ts';
import { DEFINITIONS, deploy, publish, SERVERS, startHub, toolsOf } from './programs.ts';

/** mcp-hub 4.2.1: on both of its sides, and with a file of its own that is deployed to. */

let place: Workspace;
beforeEach(async () => {
  place = await testWorkspace();
  await cliJson(place, 'initialize-keys');
  await cliJson(place, 'add-client', join(DEFINITIONS, 'mcp-hub.json'));
});

const remote = (url: string, variable: string) => ({
  type: 'http',
  url,
  headers: { Authorization: `Bearer \${env:${variable}}` },
});

/** The file that the how-to shows. */
const SHOWN = /```json\n([\s\S]*?)```/.exec(
  readFileSync(join(ROOT, 'user-docs/how-to/use-with-a-gateway.md'), 'utf8'),
)?.[1];

it('mcp-hub in front of our /mcp with a bearer token passes calls on, and they are done as that token', async () => {
  const ours = await startHttp(place);
  const { token, token_id } = await cliJson(place, 'generate-token', '--name', 'hub');
  const url = `${ours.url}/mcp`;
  await publish(place, 'mcp-hub', { ours: remote(url, 'ORCH_TOKEN'), stranger: remote(url, 'WRONG_TOKEN') });
  const file = await deploy(place, 'mcp-hub');
  const written = JSON.parse(readFileSync(file, 'utf8')).mcpServers;
  expect({ mcpServers: { ours: written.ours } }).toEqual(
    JSON.parse(String(SHOWN).replace('http://127.0.0.1:8000', ours.url)),
  );
  const hub = await startHub(place, file, {
    env: { ORCH_TOKEN: String(token), WRONG_TOKEN: 'made-up-token' },
  });
  const [known, stranger] = await hub.servers();
  expect(known).toMatchObject({ name: 'ours', status: 'connected' });
  expect(known?.tools).toHaveLength(18);
  expect(stranger).toMatchObject({ name: 'stranger', status: 'disconnected', tools: [] });

  const call = { server_name: 'ours', tool: 'add_server_to_config', arguments: { server_id: 'memory' } };
  const { result } = (await hub.ask('servers/tools', call)) as { result: { structuredContent: object } };
  expect(result.structuredContent).toMatchObject({ status: 'added', revision: 1 });
  const { body } = await ours.ask('GET', '/v1/changes?types=config.draft_changed&client_id=claude-desktop');
  expect(body).toMatchObject({ changes: [{ actor: `token:${token_id}`, data: { server_count: 1 } }] });
  expect(await toolsOf(place, `${hub.url}/mcp`, '--transport', 'sse')).toContain('ours__list_clients');
});

it('mcp-hub follows the file that is deployed to, forwards and back', async () => {
  const memory = SERVERS.memory({ MEMORY_FILE_PATH: join(place.home, 'memory.jsonl') });
  await publish(place, 'mcp-hub', { memory });
  const file = await deploy(place, 'mcp-hub');
  const hub = await startHub(place, file);
  await hub.connected('memory');
  const files = [statSync(file).ino];
  const follows = async (...names: string[]) => {
    await hub.connected(...names);
    files.push(statSync(file).ino);
  };

  await publish(place, 'mcp-hub', { memory, files: SERVERS.files(place.home) });
  await deploy(place, 'mcp-hub');
  await follows('files', 'memory');

  await cliJson(place, 'undo-deployment', '--client', 'mcp-hub');
  await follows('memory');

  await publish(place, 'mcp-hub', { files: SERVERS.files(place.home) });
  await deploy(place, 'mcp-hub');
  await follows('files');

  await cliJson(place, 'revert-config', '--client', 'mcp-hub', '--sequence', '1');
  await deploy(place, 'mcp-hub');
  await follows('memory');
  // Each was another file, put in the place of the one before.
  expect(files.every((inode, index) => inode !== files[index - 1])).toBe(true);
});
