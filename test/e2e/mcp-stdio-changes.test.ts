import { Client, type ClientOptions } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioClientTransportV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { expect, it, onTestFinished } from 'vitest';
import { BIN, cliJson } from '../support/process.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';

/** Over stdio, clients of both eras hear of what the command line does beside them. */

const DRAFT = 'config://cursor/default/draft';
const LATEST = 'config://cursor/default/latest';

/** The names of what it heard, in order. */
type Heard = string[];
type Connect = (workspace: Workspace, uris: string[]) => Promise<Heard>;

const serverOf = ({ env }: Workspace) => ({
  command: process.execPath,
  args: [BIN, 'serve'],
  env,
  stderr: 'ignore' as const,
});

async function listening(workspace: Workspace, options: ClientOptions) {
  const client = new Client({ name: 'test', version: '1.0.0' }, options);
  const heard: Heard = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('list'));
  await client.connect(new StdioClientTransport(serverOf(workspace)));
  onTestFinished(() => client.close());
  return { client, heard };
}

const modern: Connect = async (workspace, uris) => {
  const { client, heard } = await listening(workspace, { versionNegotiation: { mode: 'auto' } });
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
  await client.listen({ resourceSubscriptions: uris, resourcesListChanged: true });
  return heard;
};

const legacy: Connect = async (workspace, uris) => {
  const { client, heard } = await listening(workspace, {});
  for (const uri of uris) await client.subscribeResource({ uri });
  return heard;
};

const v1: Connect = async (workspace, uris) => {
  const client = new ClientV1({ name: 'test', version: '1.0.0' });
  const heard: Heard = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void heard.push('list'));
  await client.connect(new StdioClientTransportV1(serverOf(workspace)));
  onTestFinished(() => client.close());
  for (const uri of uris) await client.subscribeResource({ uri });
  return heard;
};

it.each([
  ['SDK 2, revision 2026-07-28', modern],
  ['SDK 2, 2025 era', legacy],
  ['SDK 1', v1],
] as const)('%s', async (_name, connect) => {
  const workspace = await testWorkspace();
  await cliJson(workspace, 'initialize-keys');
  const heard = await connect(workspace, [DRAFT, LATEST]);
  await cliJson(workspace, 'add-server', 'memory', '--client', 'vscode');
  await cliJson(workspace, 'add-server', 'memory', '--client', 'cursor');
  await expect.poll(() => heard).toEqual([DRAFT]);
  await cliJson(workspace, 'publish-config', '--client', 'cursor');
  await expect.poll(() => heard.slice(1).toSorted()).toEqual([DRAFT, LATEST, 'list']);
});
