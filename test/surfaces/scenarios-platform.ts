import { artifactId } from '../../src/core/artifact.ts';
import type { Payload } from '../../src/core/payload.ts';
import { sql } from './rows-before.ts';
import type { Scenario, Step } from './scenarios.ts';

/** The operations of the platform: what others fetch, and what they ask about without keeping it here. */

const target = { client_id: 'cursor', profile_id: 'team-a' };
const payload = { mcpServers: { ours: { command: 'node', args: ['one'] } } } satisfies Payload;
const artifact_id = artifactId(payload);
const keys: Step = { tool: 'initialize_keys', expect: 'ok' };
const profile: Step = { tool: 'create_profile', input: target, expect: 'ok' };
const publish: Step = { tool: 'publish_config', input: { ...target, payload }, expect: 'ok' };
const DAMAGE = `UPDATE artifacts SET canonical = replace(canonical, '"one"', '"bad"')`;
const damage = sql(DAMAGE);
/** Of the profile of these scenarios nothing is left but its damaged release. */
const damageAndForget = sql(DAMAGE, 'DELETE FROM drafts');
const uuid = '00000000-0000-4000-8000-000000000000';
const webhook_id = `whk_${uuid}`;
const delivery_id = `dlv_0000000000000001_${uuid}`;
/** A public address; nothing is ever sent there, see below. */
const hook = { url: 'https://198.41.0.4:8443/hook', events: ['config.published'] };
/** The id is random, and the next steps have to name it. The lease keeps the server from sending. */
const rename = sql(`UPDATE webhooks SET webhook_id = '${webhook_id}', lease_until = '9999-12-31T00:00:00.000Z'`);
/** Any client can stand for a gateway. */
const gateway = { ...target, url: 'http://127.0.0.1:3910/mcp', servers_to: 'vscode' };
const team = { source_client_id: 'cursor', source_profile_id: 'team-a' };
const fails = (tool: string, input: object, ...expects: string[]): Step[] =>
  expects.map((expect) => ({ tool, input: input as Record<string, unknown>, expect }));

export const PLATFORM_SCENARIOS: Scenario[] = [
  {
    title: "a release is shown as the client's own file text",
    steps: [
      keys,
      ...fails('get_native', { client_id: 'cursr' }, 'CLIENT_NOT_FOUND'),
      ...fails('get_native', target, 'PROFILE_NOT_FOUND'),
      profile,
      ...fails('get_native', target, 'CONFIG_NOT_FOUND'),
      publish,
      {
        tool: 'get_native',
        input: { ...target, os: 'windows' },
        expect: 'ok',
        has: {
          format: 'json',
          config_path: '%USERPROFILE%\\.cursor\\mcp.json',
          text: `${JSON.stringify({ mcpServers: { ours: { type: 'stdio', command: 'node', args: ['one'] } } }, null, 2)}\n`,
          findings: [],
        },
      },
      { tool: 'get_native', input: { ...target, artifact_id, os: 'macos' }, expect: 'ok' },
      ...fails('get_native', { ...target, artifact_id: 'f'.repeat(64) }, 'ARTIFACT_NOT_FOUND'),
      ...fails('get_native', { ...target, config_scope: 'nowhere' }, 'INVALID_INPUT'),
      { tool: 'publish_config', input: { client_id: 'witsy', payload }, expect: 'ok' },
      ...fails('get_native', { client_id: 'witsy' }, 'CLIENT_NOT_WRITABLE'),
      { tool: 'get_native', input: target, expect: 'SIGNATURE_INVALID', before: damage },
    ],
  },
  {
    title: 'an artifact is found by its address, with the releases that carry it',
    steps: [
      keys,
      profile,
      publish,
      { tool: 'publish_config', input: { client_id: 'claude-code', payload }, expect: 'ok' },
      {
        tool: 'get_artifact',
        input: { artifact_id },
        expect: 'ok',
        has: {
          payload,
          releases: [
            { client_id: 'claude-code', profile_id: 'default', sequence: 1 },
            { ...target, sequence: 1 },
          ],
        },
      },
      ...fails('get_artifact', { artifact_id: 'f'.repeat(64) }, 'ARTIFACT_NOT_FOUND'),
      ...fails('get_artifact', { artifact_id: 'no digest' }, 'INVALID_INPUT'),
      { tool: 'get_artifact', input: { artifact_id }, expect: 'SIGNATURE_INVALID', before: damage },
    ],
  },
  {
    title: 'the servers of a client go behind a gateway, and one entry takes their place',
    steps: [
      profile,
      { tool: 'create_profile', input: { ...target, client_id: 'vscode' }, expect: 'ok' },
      { tool: 'set_draft_config', input: { ...target, payload }, expect: 'ok', has: { revision: 1 } },
      {
        tool: 'use_gateway',
        input: { ...gateway, dry_run: true },
        expect: 'ok',
        has: { status: 'planned', client: { revision: 1, before: payload }, gateway: { revision: 0, after: payload } },
      },
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { draft: payload } },
      ...fails('use_gateway', { ...gateway, servers_to: 'cursor' }, 'INVALID_INPUT'),
      ...fails('use_gateway', { ...gateway, servers_to: 'no-such-gateway' }, 'CLIENT_NOT_FOUND'),
      ...fails('use_gateway', { ...gateway, servers_to: 'zed' }, 'PROFILE_NOT_FOUND'),
      ...fails('use_gateway', { ...gateway, bearer: 'made-up-token' }, 'INVALID_INPUT'),
      ...fails('use_gateway', { ...gateway, url: `${gateway.url}?token=ghp_${'A1b2'.repeat(9)}` }, 'SECRET_IN_CONFIG'),
      ...fails('use_gateway', { ...target, servers_to: 'vscode' }, 'INVALID_INPUT'),
      ...fails('use_gateway', { ...gateway, gateway: 'docker-mcp' }, 'INVALID_INPUT'),
      ...fails('use_gateway', { ...gateway, docker_profile: 'ours' }, 'INVALID_INPUT'),
      ...fails('use_gateway', { ...gateway, server_name: 'ours' }, 'SERVER_ALREADY_IN_DRAFT'),
      ...fails('use_gateway', { ...gateway, if_revision: 7 }, 'DRAFT_CHANGED'),
      ...fails('use_gateway', { ...gateway, if_servers_to_revision: 7 }, 'DRAFT_CHANGED'),
      {
        tool: 'use_gateway',
        input: { ...gateway, bearer: '${env:GATEWAY_TOKEN}', if_revision: 1, if_servers_to_revision: 0 },
        expect: 'ok',
        has: {
          status: 'moved',
          moved: ['ours'],
          client: {
            revision: 2,
            after: {
              mcpServers: {
                gateway: { type: 'http', url: gateway.url, headers: { Authorization: 'Bearer ${env:GATEWAY_TOKEN}' } },
              },
            },
          },
          gateway: { client_id: 'vscode', revision: 1, before: { mcpServers: {} }, after: payload },
        },
      },
      {
        tool: 'use_gateway',
        input: { ...gateway, bearer: '${env:GATEWAY_TOKEN}' },
        expect: 'ok',
        has: { status: 'unchanged', moved: [], client: { revision: 2 }, gateway: { revision: 1 } },
      },
      { tool: 'link_profile', input: { client_id: 'zed', ...team }, expect: 'ok' },
      ...fails('use_gateway', { client_id: 'zed', url: gateway.url, servers_to: 'vscode' }, 'PROFILE_LINKED'),
    ],
  },
  {
    title: 'a damaged release is the start of no draft, and a whole payload takes its place',
    steps: [
      keys,
      profile,
      { tool: 'create_profile', input: { ...target, client_id: 'vscode' }, expect: 'ok' },
      publish,
      { tool: 'view_draft_config', input: target, expect: 'SIGNATURE_INVALID', before: damageAndForget },
      ...fails('add_server_to_config', { ...target, server_id: 'memory' }, 'SIGNATURE_INVALID'),
      ...fails('remove_server_from_config', { ...target, server_name: 'ours' }, 'SIGNATURE_INVALID'),
      ...fails('clear_draft_config', target, 'SIGNATURE_INVALID'),
      ...fails('use_gateway', gateway, 'SIGNATURE_INVALID'),
      ...fails('validate_config', target, 'SIGNATURE_INVALID'),
      ...fails('publish_config', target, 'SIGNATURE_INVALID'),
      ...fails('diff_config', { ...target, local_payload: payload }, 'SIGNATURE_INVALID'),
      {
        tool: 'set_draft_config',
        input: { ...target, payload: { mcpServers: {} } },
        expect: 'ok',
        has: { revision: 1 },
      },
      {
        tool: 'publish_config',
        input: { ...target, payload: { mcpServers: { ours: { command: 'node', args: ['two'] } } } },
        expect: 'ok',
        has: { sequence: 2 },
        before: damageAndForget,
      },
      { tool: 'get_config', input: target, expect: 'ok', has: { sequence: 2 } },
    ],
  },
  {
    title: 'public keys are listed, also as a key set',
    steps: [
      { tool: 'list_keys', expect: 'ok', has: { keys: [], jwks: { keys: [] } } },
      keys,
      { tool: 'list_keys', expect: 'ok' },
      { tool: 'initialize_keys', input: { regenerate: true }, expect: 'ok' },
      { tool: 'list_keys', expect: 'ok' },
    ],
  },
  {
    title: 'a payload is validated without anything being stored',
    steps: [
      { tool: 'validate_payload', input: { ...target, payload }, expect: 'ok', has: { valid: true, errors: [] } },
      {
        tool: 'validate_payload',
        input: { client_id: 'cursr', payload },
        expect: 'ok',
        has: {
          valid: false,
          errors: [
            {
              code: 'UNKNOWN_CLIENT',
              severity: 'error',
              path: '',
              message: 'There is no client "cursr".',
              hint: 'Did you mean "cursor"?',
            },
          ],
        },
      },
      ...fails('validate_payload', { ...target, payload: [] }, 'INVALID_INPUT'),
      ...fails('validate_payload', target, 'INVALID_INPUT'),
      { tool: 'list_profiles', input: { client_id: 'cursor' }, expect: 'ok', has: { count: 4 } },
    ],
  },
  {
    title: 'a profile without releases and links can be deleted',
    steps: [
      ...fails('delete_profile', { client_id: 'cursr', profile_id: 'x' }, 'CLIENT_NOT_FOUND'),
      ...fails('delete_profile', target, 'PROFILE_NOT_FOUND'),
      ...fails('delete_profile', { ...target, profile_id: 'prod' }, 'INVALID_INPUT'),
      profile,
      { tool: 'set_draft_config', input: { ...target, payload }, expect: 'ok', has: { revision: 1 } },
      {
        tool: 'link_profile',
        input: { client_id: 'vscode', source_client_id: 'cursor', source_profile_id: 'team-a' },
        expect: 'ok',
      },
      ...fails('delete_profile', target, 'PROFILE_LINKED'),
      { tool: 'unlink_profile', input: { client_id: 'vscode' }, expect: 'ok' },
      { tool: 'delete_profile', input: target, expect: 'ok', has: { status: 'deleted' } },
      { tool: 'view_draft_config', input: target, expect: 'PROFILE_NOT_FOUND' },
      profile,
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { revision: 2, server_count: 0 } },
      keys,
      publish,
      ...fails('delete_profile', target, 'PROFILE_HAS_RELEASES'),
    ],
  },
  {
    title: 'what has happened is listed, from any event on',
    steps: [
      { tool: 'list_changes', expect: 'ok', has: { changes: [], next: '0000000000000000', resync: false } },
      keys,
      profile,
      publish,
      {
        tool: 'list_changes',
        expect: 'ok',
        has: {
          changes: [
            { type: 'key.rotated', client_id: null },
            {
              type: 'config.published',
              ...target,
              artifact_id,
              sequence: 1,
              data: { version: '1.0.0', server_count: 1 },
            },
            { type: 'config.draft_changed', ...target, artifact_id: null, data: { revision: 1, server_count: 1 } },
          ],
          next: '0000000000000003',
        },
      },
      { tool: 'validate_config', input: target, expect: 'ok' },
      {
        tool: 'list_changes',
        input: { since: '0000000000000003', wait: 5 },
        expect: 'ok',
        has: { changes: [{ type: 'config.validated', data: { valid: true, error_count: 0 } }] },
      },
      { tool: 'list_changes', input: { types: 'config.published,key.rotated', client_id: 'cursor' }, expect: 'ok' },
      {
        tool: 'list_changes',
        input: { since: '0000000000000009' },
        expect: 'ok',
        has: { changes: [], resync: true, next: '0000000000000004' },
      },
      ...fails('list_changes', { since: 'yesterday' }, 'INVALID_INPUT'),
      ...fails('list_changes', { types: 'config.published,party' }, 'INVALID_INPUT'),
    ],
  },
  {
    title: 'a batch calls operations in order, and tells what fails in its row',
    steps: [
      keys,
      {
        tool: 'batch',
        input: {
          items: [
            { operation: 'create_profile', ...target },
            { operation: 'set_draft_config', input: { ...target, payload } },
            { operation: 'validate', ...target },
            { operation: 'publish', input: target },
            { operation: 'publish', ...target, changelog: 'again' },
            { operation: 'deploy', ...target, dry_run: true },
            { operation: 'get_latest', client_id: 'cursr' },
            { operation: 'publsh' },
            { operation: 'batch', items: [] },
            { operation: 'get_latest', input: target, client_id: 'cursor' },
            { operation: 'get_latest', input: [] },
            { operation: 'get_latest', ...target, bogus: 1 },
            { client_id: 'cursor' },
            'publish',
          ],
        },
        expect: 'ok',
        has: {
          succeeded: 6,
          failed: 8,
          results: [
            { index: 0, operation: 'create_profile', status: 201, body: target },
            { index: 1, operation: 'set_draft_config', status: 200, body: { status: 'set', revision: 1 } },
            { index: 2, operation: 'validate', status: 200, body: { valid: true } },
            { index: 3, operation: 'publish', status: 201, body: { status: 'published', sequence: 1, artifact_id } },
            { index: 4, operation: 'publish', status: 200, body: { status: 'unchanged', sequence: 1 } },
            { index: 5, operation: 'deploy', status: 200, body: { status: 'planned' } },
            { index: 6, operation: 'get_latest', status: 404, body: { error: { code: 'CLIENT_NOT_FOUND' } } },
            { index: 7, operation: 'publsh', status: 400, body: { error: { code: 'INVALID_INPUT' } } },
            { index: 8, operation: 'batch', status: 400, body: { error: { code: 'INVALID_INPUT' } } },
            { index: 9, operation: 'get_latest', status: 400, body: { error: { details: { field: 'client_id' } } } },
            { index: 10, operation: 'get_latest', status: 400, body: { error: { code: 'INVALID_INPUT' } } },
            { index: 11, operation: 'get_latest', status: 400, body: { error: { details: { field: 'bogus' } } } },
            { index: 12, operation: null, status: 400, body: { error: { code: 'INVALID_INPUT' } } },
            { index: 13, operation: null, status: 400, body: { error: { code: 'INVALID_INPUT' } } },
          ],
        },
      },
      { tool: 'batch', input: { items: [] }, expect: 'ok', has: { results: [], succeeded: 0, failed: 0 } },
      ...fails('batch', {}, 'INVALID_INPUT'),
      ...fails('batch', { items: { operation: 'publish' } }, 'INVALID_INPUT'),
      ...fails('batch', { items: Array.from({ length: 101 }, () => ({ operation: 'validate' })) }, 'INVALID_INPUT'),
    ],
  },
  {
    title: 'an atomic batch is done as a whole, or not at all',
    steps: [
      keys,
      profile,
      {
        tool: 'batch',
        input: {
          atomic: true,
          items: [
            { operation: 'set_draft_config', ...target, payload },
            { operation: 'publish', ...target },
            { operation: 'get_latest', client_id: 'cursor', profile_id: 'prod' },
          ],
        },
        expect: 'CONFIG_NOT_FOUND',
        has: { details: { client_id: 'cursor', profile_id: 'prod', index: 2 } },
      },
      { tool: 'view_draft_config', input: target, expect: 'ok', has: { revision: 0 } },
      ...fails('get_latest', target, 'CONFIG_NOT_FOUND'),
      ...['deploy', 'get_deployed', 'initialize_keys', 'batch', 'nothing'].map((operation): Step => {
        const items = [{ operation: 'publish', ...target, payload }, { operation }];
        return { tool: 'batch', input: { items, atomic: true }, expect: 'INVALID_INPUT' };
      }),
      ...fails('get_latest', target, 'CONFIG_NOT_FOUND'),
      {
        tool: 'batch',
        input: {
          atomic: true,
          items: [
            { operation: 'set_draft_config', ...target, payload },
            { operation: 'publish', ...target },
            { operation: 'get_latest', ...target },
          ],
        },
        expect: 'ok',
        has: {
          succeeded: 3,
          failed: 0,
          results: [{ status: 200 }, { status: 201 }, { status: 200, body: { artifact_id } }],
        },
      },
      { tool: 'get_latest', input: target, expect: 'ok', has: { sequence: 1, artifact_id } },
    ],
  },
  {
    title: 'a webhook is subscribed, shown, tested, and given up',
    steps: [
      { tool: 'list_webhooks', expect: 'ok', has: { webhooks: [], next_cursor: null } },
      ...fails('subscribe_webhook', { ...hook, url: 'https://10.1.2.3/hook' }, 'WEBHOOK_TARGET_REFUSED'),
      ...fails('subscribe_webhook', { ...hook, url: 'no url' }, 'WEBHOOK_TARGET_REFUSED'),
      ...fails('subscribe_webhook', { ...hook, url: `${hook.url}?token=ghp_${'A1b2'.repeat(9)}` }, 'SECRET_IN_CONFIG'),
      ...fails('subscribe_webhook', { ...hook, events: [] }, 'INVALID_INPUT'),
      ...fails('subscribe_webhook', { ...hook, events: ['webhook.test'] }, 'INVALID_INPUT'),
      { tool: 'subscribe_webhook', input: hook, expect: 'ok', has: hook },
      {
        tool: 'list_webhooks',
        expect: 'ok',
        has: { webhooks: [{ ...hook, status: 'active' }], next_cursor: null },
        before: rename,
      },
      { tool: 'rotate_webhook_secret', input: { webhook_id }, expect: 'ok', has: { webhook_id } },
      { tool: 'list_webhook_deliveries', input: { webhook_id }, expect: 'ok', has: { deliveries: [] } },
      { tool: 'test_webhook', input: { webhook_id }, expect: 'ok', has: { delivery_id } },
      {
        tool: 'list_webhook_deliveries',
        input: { webhook_id },
        expect: 'ok',
        has: { deliveries: [{ delivery_id, event_id: '0000000000000001', type: 'webhook.test' }] },
      },
      { tool: 'replay_webhook_delivery', input: { webhook_id, delivery_id }, expect: 'ok', has: { delivery_id } },
      ...fails('replay_webhook_delivery', { webhook_id, delivery_id: 'dlv_1' }, 'NOT_FOUND'),
      ...fails('replay_webhook_delivery', { webhook_id: 'whk_x', delivery_id }, 'WEBHOOK_NOT_FOUND'),
      { tool: 'delete_webhook', input: { webhook_id }, expect: 'ok', has: { status: 'deleted' } },
      ...['delete_webhook', 'rotate_webhook_secret', 'test_webhook', 'list_webhook_deliveries'].flatMap((tool) =>
        fails(tool, { webhook_id }, 'WEBHOOK_NOT_FOUND'),
      ),
    ],
  },
  {
    title: 'workspaces are made once and listed, the standard one with them',
    steps: [
      {
        tool: 'list_workspaces',
        expect: 'ok',
        has: { workspaces: [{ workspace: 'default', created_at: null }], next_cursor: null },
      },
      {
        tool: 'create_workspace',
        input: { workspace: 'team-a', display_name: 'Team A' },
        expect: 'ok',
        has: { workspace: 'team-a', display_name: 'Team A' },
      },
      ...fails('create_workspace', { workspace: 'team-a' }, 'WORKSPACE_ALREADY_EXISTS'),
      ...fails('create_workspace', { workspace: 'default' }, 'WORKSPACE_ALREADY_EXISTS'),
      ...fails('create_workspace', { workspace: 'Team A' }, 'INVALID_INPUT'),
      ...fails('create_workspace', { workspace: 'b', display_name: `ghp_${'A1b2'.repeat(9)}` }, 'SECRET_IN_CONFIG'),
      {
        tool: 'list_workspaces',
        expect: 'ok',
        has: { workspaces: [{ workspace: 'team-a', display_name: 'Team A' }, { workspace: 'default' }] },
      },
    ],
  },
];
