import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from './crash/invariants.ts';
import { makeWorkspace, type Workspace } from './support/workspace.ts';

/** One list of servers for several clients, as the person who keeps it sees it. */

let workspace: Workspace;
beforeEach(async () => {
  workspace = await makeWorkspace();
  await call(workspace, 'initialize_keys');
});
afterEach(() => workspace.remove());

const source = { client_id: 'cursor' };
const follower = { client_id: 'opencode' };
const link = () => call(workspace, 'link_profile', { ...follower, source_client_id: 'cursor' });
const payload = (...names: string[]) => ({
  mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'node', args: [name] }])),
});
const publish = (target: object, ...names: string[]) =>
  call(workspace, 'publish_config', { ...target, payload: payload(...names) });

test('a server is added once and appears in every client that follows', async () => {
  await publish(source, 'one');
  await link();
  await call(workspace, 'link_profile', { client_id: 'codex-cli', source_client_id: 'cursor' });
  await publish(source, 'one', 'two');
  const { deployments } = await call(workspace, 'deploy_configs', { clients: ['cursor', 'opencode', 'codex-cli'] });
  const changes = { added: ['one', 'two'], updated: [], removed: [] };
  expect(deployments).toMatchObject([{ result: { changes } }, { result: { changes } }, { result: { changes } }]);
});

test('what a following client cannot express is found when the source is validated', async () => {
  await link();
  await call(workspace, 'set_draft_config', { ...source, payload: payload('servers', 'fine') });
  const told = 'opencode/default follows this profile: opencode keeps this name for itself.';
  expect(await call(workspace, 'validate_config', source)).toMatchObject({
    valid: false,
    errors: [{ code: 'SERVER_NAME_UNSUPPORTED', server: 'servers', message: told }],
    warnings: [],
  });
  await expect(call(workspace, 'publish_config', source)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
});

test('what is wrong in itself is told once, however many follow', async () => {
  await link();
  const entries = { mcpServers: { a: { args: [] } } };
  const alone = await call(workspace, 'validate_config', { client_id: 'kiro', payload: entries });
  const followed = await call(workspace, 'validate_config', { ...source, payload: entries });
  expect(followed['errors']).toEqual(alone['errors']);
});

test('a draft from before the link does not come back when the link ends', async () => {
  await publish(follower, 'old');
  await call(workspace, 'set_draft_config', { ...follower, payload: payload('older') });
  await publish(source, 'one');
  await link();
  expect(await call(workspace, 'view_draft_config', follower)).toMatchObject({ draft: payload('one'), revision: 3 });
  await publish(source, 'one', 'two');
  await call(workspace, 'unlink_profile', follower);
  expect(await call(workspace, 'view_draft_config', follower)).toMatchObject({ draft: payload('one', 'two') });
  expect(await call(workspace, 'publish_config', follower)).toMatchObject({ status: 'unchanged' });
});

test('a profile that follows does not take over the bridge of a client that needs one', async () => {
  const bridged = { client_id: 'claude-desktop' };
  const remote = { mcpServers: { far: { type: 'http', url: 'https://mcp.example.com/mcp' } } };
  await call(workspace, 'publish_config', { ...bridged, payload: remote });
  expect(await call(workspace, 'get_config', bridged)).toMatchObject({ payload: { bridge: {} } });
  await call(workspace, 'link_profile', { ...source, source_client_id: 'claude-desktop' });
  expect((await call(workspace, 'get_config', source))['payload']).toEqual(remote);
  expect(await call(workspace, 'publish_config', bridged)).toMatchObject({
    status: 'unchanged',
    linked: [{ status: 'unchanged', sequence: 1 }],
  });
  await publish(bridged, 'near');
  await call(workspace, 'revert_config', { ...bridged, sequence: 1 });
  expect((await call(workspace, 'get_config', source))['payload']).toEqual(remote);
});
