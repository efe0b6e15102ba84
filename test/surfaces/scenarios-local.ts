import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sql } from './rows-before.ts';
import type { Scenario, Step } from './scenarios.ts';

/** The operations of the local workflow: history, links, drift, undo, several clients at once. */

const source = { client_id: 'cursor', profile_id: 'dev' };
const follower = { client_id: 'claude-code', profile_id: 'dev' };
const entry = (word: string) => ({ command: 'node', args: [word] });
const payload = (word: string) => ({ mcpServers: { ours: entry(word) } });
/** Made up, and only shaped like a token. */
const literal = `ghp_${'A1b2'.repeat(9)}`;

const write = (path: string, content: string) => (home: string) => {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), content);
};
const remove = (path: string) => (home: string) => rmSync(join(home, path), { recursive: true, force: true });

const CURSOR = '.cursor/mcp.json';
/** A file of somebody who writes it by hand. */
const OWN = '{\n\t"mcpServers": { "own": {"command": "mine", "n": 1.0} }\n}\n';
const edit = (change: (text: string) => string) => (home: string) =>
  writeFileSync(join(home, CURSOR), change(readFileSync(join(home, CURSOR), 'utf8')));

const keys: Step = { tool: 'initialize_keys', expect: 'ok' };
const publish = (word: string, more: Partial<Step> = {}): Step => ({
  tool: 'publish_config',
  input: { ...source, payload: payload(word) },
  expect: 'ok',
  ...more,
});

export const LOCAL_SCENARIOS: Scenario[] = [
  {
    title: 'an earlier release comes back as the next one, and the history shows all of them',
    steps: [
      { tool: 'history', input: source, expect: 'ok', has: { releases: [], next_cursor: null } },
      { tool: 'revert_config', input: { ...source, sequence: 1 }, expect: 'CONFIG_NOT_FOUND' },
      keys,
      publish('one'),
      publish('two'),
      { tool: 'revert_config', input: source, expect: 'INVALID_INPUT', has: { details: { field: 'sequence' } } },
      { tool: 'revert_config', input: { ...source, sequence: 3 }, expect: 'ARTIFACT_NOT_FOUND' },
      { tool: 'revert_config', input: { ...source, artifact_id: 'f'.repeat(64) }, expect: 'ARTIFACT_NOT_FOUND' },
      {
        tool: 'revert_config',
        input: { ...source, sequence: 1, changelog: `for ${literal}` },
        expect: 'SECRET_IN_CONFIG',
      },
      {
        tool: 'revert_config',
        input: { ...source, sequence: 1 },
        expect: 'ok',
        has: { status: 'published', sequence: 3, changelog: 'Revert to release 1' },
      },
      { tool: 'revert_config', input: { ...source, sequence: 1 }, expect: 'ok', has: { status: 'unchanged' } },
      { tool: 'view_draft_config', input: source, expect: 'ok', has: { draft: payload('two') } },
      { tool: 'history', input: { ...source, limit: 2 }, expect: 'ok' },
      { tool: 'history', input: { ...source, limit: 0 }, expect: 'INVALID_INPUT' },
      { tool: 'history', input: { ...source, cursor: 'made-up' }, expect: 'INVALID_INPUT' },
      {
        tool: 'revert_config',
        input: { ...source, sequence: 2 },
        expect: 'KEYS_NOT_INITIALIZED',
        before: remove('.mcp-orchestration/keys'),
      },
      {
        tool: 'revert_config',
        input: { ...source, sequence: 2 },
        expect: 'SIGNATURE_INVALID',
        before: sql(`UPDATE artifacts SET canonical = replace(canonical, '"two"', '"bad"')`),
      },
    ],
  },
  {
    title: 'a linked profile follows its source and cannot be changed by itself',
    steps: [
      { tool: 'unlink_profile', input: follower, expect: 'INVALID_INPUT' },
      { tool: 'link_profile', input: { ...source, source_client_id: 'cursor' }, expect: 'INVALID_INPUT' },
      {
        tool: 'link_profile',
        input: { ...follower, source_client_id: 'cursor' },
        expect: 'ok',
        has: { release: null },
      },
      publish('one', { expect: 'KEYS_NOT_INITIALIZED' }),
      keys,
      publish('one', { has: { status: 'published', sequence: 1 } }),
      { tool: 'get_latest', input: follower, expect: 'ok', has: { sequence: 1 } },
      {
        tool: 'publish_config',
        input: { ...source, payload: { mcpServers: { 'a.b': entry('x') } } },
        expect: 'VALIDATION_FAILED',
        has: { details: { follower: 'claude-code/dev' } },
      },
      { tool: 'get_latest', input: source, expect: 'ok', has: { sequence: 1 } },
      { tool: 'add_server_to_config', input: { ...follower, server_id: 'memory' }, expect: 'PROFILE_LINKED' },
      { tool: 'remove_server_from_config', input: { ...follower, server_name: 'x' }, expect: 'PROFILE_LINKED' },
      { tool: 'set_draft_config', input: { ...follower, payload: payload('x') }, expect: 'PROFILE_LINKED' },
      { tool: 'clear_draft_config', input: follower, expect: 'PROFILE_LINKED' },
      { tool: 'publish_config', input: follower, expect: 'PROFILE_LINKED' },
      { tool: 'revert_config', input: { ...follower, sequence: 1 }, expect: 'PROFILE_LINKED' },
      // A source follows nobody, and a follower is followed by nobody.
      { tool: 'link_profile', input: { ...source, source_client_id: 'vscode' }, expect: 'INVALID_INPUT' },
      {
        tool: 'link_profile',
        input: { client_id: 'vscode', profile_id: 'dev', source_client_id: 'claude-code' },
        expect: 'INVALID_INPUT',
      },
      { tool: 'unlink_profile', input: follower, expect: 'ok', has: { source } },
      {
        tool: 'publish_config',
        input: { ...source, payload: { mcpServers: { 'a.b': entry('x') } } },
        expect: 'ok',
        has: { sequence: 2, linked: [] },
      },
      { tool: 'link_profile', input: { ...follower, source_client_id: 'cursor' }, expect: 'VALIDATION_FAILED' },
      publish('three'),
      { tool: 'link_profile', input: { ...follower, source_client_id: 'cursor' }, expect: 'ok' },
      { tool: 'revert_config', input: { ...source, sequence: 2 }, expect: 'VALIDATION_FAILED' },
      { tool: 'list_profiles', input: { client_id: 'claude-code' }, expect: 'ok' },
      { tool: 'unlink_profile', input: follower, expect: 'ok' },
      {
        tool: 'link_profile',
        input: { ...follower, source_client_id: 'cursor' },
        expect: 'SIGNATURE_INVALID',
        before: sql(`UPDATE artifacts SET canonical = replace(canonical, '"three"', '"wrong"')`),
      },
      {
        tool: 'link_profile',
        input: {
          client_id: 'vscode',
          profile_id: 'dev',
          source_client_id: 'claude-code',
          source_profile_id: 'default',
        },
        expect: 'ok',
        has: { release: null },
      },
      publish('four', { input: { client_id: 'claude-code', payload: payload('four') } }),
      { tool: 'unlink_profile', input: { client_id: 'vscode', profile_id: 'dev' }, expect: 'ok' },
      {
        tool: 'link_profile',
        input: {
          client_id: 'vscode',
          profile_id: 'dev',
          source_client_id: 'claude-code',
          source_profile_id: 'default',
        },
        expect: 'ok',
        has: { status: 'linked' },
        before: remove('.mcp-orchestration/keys/none'),
      },
      { tool: 'unlink_profile', input: { client_id: 'vscode', profile_id: 'dev' }, expect: 'ok' },
      {
        tool: 'link_profile',
        input: {
          client_id: 'vscode',
          profile_id: 'prod',
          source_client_id: 'claude-code',
          source_profile_id: 'default',
        },
        expect: 'KEYS_NOT_INITIALIZED',
        before: remove('.mcp-orchestration/keys'),
      },
    ],
  },
  {
    title: 'drift of every deployment of this machine is seen at once',
    steps: [
      { tool: 'drift_status', expect: 'ok', has: { deployments: [], drift_count: 0 } },
      keys,
      publish('one'),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      { tool: 'drift_status', expect: 'ok', has: { drift_count: 0 } },
      {
        tool: 'drift_status',
        expect: 'ok',
        has: { drift_count: 1 },
        before: write(
          '.cursor/mcp.json',
          '{"mcpServers":{"ours":{"command":"evil","args":["one"]},"news":{"command":"x"}}}',
        ),
      },
      { tool: 'drift_status', input: { client_id: 'vscode' }, expect: 'ok', has: { drift_count: 0 } },
      { tool: 'drift_status', input: { client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      { tool: 'drift_status', expect: 'ok', has: { drift_count: 1 }, before: write('.cursor/mcp.json', '{') },
      { tool: 'drift_status', expect: 'ok', has: { drift_count: 1 }, before: remove('.cursor/mcp.json') },
    ],
  },
  {
    title: 'what a client gets to see on this machine is explained, file by file',
    steps: [
      { tool: 'explain_config', expect: 'ok', has: { clients: [] } },
      { tool: 'explain_config', input: { client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      keys,
      publish('one'),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      {
        tool: 'explain_config',
        input: { client_id: 'cursor' },
        expect: 'ok',
        has: {
          clients: [
            {
              client_id: 'cursor',
              display_name: 'Cursor',
              precedence: [],
              files: [
                {
                  config_scope: 'user',
                  exists: true,
                  role: 'read',
                  moved_by: null,
                  readable: true,
                  detail: null,
                  servers: ['ours'],
                },
              ],
              servers: [
                {
                  server_name: 'ours',
                  status: 'enabled',
                  wins: 'user',
                  found: [
                    {
                      config_scope: 'user',
                      transport: 'stdio',
                      starts: 'node',
                      variables: [],
                      deployed_by: { client_id: 'cursor', profile_id: 'dev', sequence: 1 },
                      disabled: false,
                      needs_approval: false,
                    },
                  ],
                },
              ],
              to_do: [],
            },
          ],
        },
      },
    ],
  },
  {
    title: 'a deployment is taken back, and the file is as it was before',
    steps: [
      { tool: 'undo_deployment', input: { client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      { tool: 'undo_deployment', input: { ...source, profile_id: 'pord' }, expect: 'PROFILE_NOT_FOUND' },
      { tool: 'undo_deployment', input: source, expect: 'DEPLOYMENT_NOT_FOUND' },
      { tool: 'deployment_history', input: source, expect: 'ok', has: { deployments: [], next_cursor: null } },
      { tool: 'deployment_history', input: { client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      { tool: 'deployment_history', input: { ...source, profile_id: 'pord' }, expect: 'PROFILE_NOT_FOUND' },
      keys,
      publish('one', { before: write(CURSOR, OWN) }),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      publish('two'),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'ok',
        has: { status: 'undone', changes: { added: [], updated: ['ours'], removed: [], kept_foreign: ['own'] } },
      },
      { tool: 'get_deployed', input: source, expect: 'ok', has: { sequence: 1, drift: false, up_to_date: false } },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'DRIFT_DETECTED',
        before: edit((text) => text.replace('"one"', '"edited"')),
        has: { details: { changes: [{ server: 'ours', kind: 'changed', detail: 'changed: args' }] } },
      },
      { tool: 'undo_deployment', input: source, expect: 'CLIENT_FILE_UNPARSABLE', before: edit(() => '{') },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'ok',
        before: edit(() => OWN),
        has: { restored_artifact_id: null, backup_path: null, changes: { added: [], updated: [], removed: [] } },
      },
      { tool: 'get_deployed', input: source, expect: 'DEPLOYMENT_NOT_FOUND' },
      { tool: 'undo_deployment', input: source, expect: 'DEPLOYMENT_NOT_FOUND' },
      {
        tool: 'undo_deployment',
        input: { ...source, deployment_id: 'dep_00000000-0000-4000-8000-000000000000' },
        expect: 'DEPLOYMENT_NOT_FOUND',
      },
      { tool: 'deploy_configs', input: {}, expect: 'INVALID_INPUT', has: { details: { field: 'clients' } } },
      { tool: 'deploy_configs', input: { clients: ['cursor'], installed: true }, expect: 'INVALID_INPUT' },
      { tool: 'deploy_configs', input: { clients: ['cursor', 'cursr'] }, expect: 'CLIENT_NOT_FOUND' },
      {
        tool: 'deploy_configs',
        input: { clients: ['cursor', 'witsy'], profile_id: source.profile_id },
        expect: 'ok',
        has: { changed_count: 1, failed_count: 1 },
      },
      { tool: 'deployment_history', input: { ...source, limit: 1 }, expect: 'ok' },
      { tool: 'deployment_history', input: { ...source, limit: 0 }, expect: 'INVALID_INPUT' },
      { tool: 'deployment_history', input: source, expect: 'ok', has: { next_cursor: null } },
      { tool: 'deploy_config', input: source, expect: 'ok' },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'CLIENT_FILE_CHANGED',
        before: (home) => {
          renameSync(join(home, CURSOR), join(home, 'moved.json'));
          symlinkSync(join(home, 'moved.json'), join(home, CURSOR));
        },
      },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'CLIENT_FILE_CHANGED',
        before: (home) => {
          rmSync(join(home, CURSOR));
          symlinkSync(join(home, 'other.json'), join(home, CURSOR));
        },
      },
      {
        tool: 'undo_deployment',
        input: source,
        expect: 'WRITE_FAILED',
        before: (home) => {
          renameSync(join(home, 'moved.json'), join(home, CURSOR));
          rmSync(join(home, '.mcp-orchestration/backups'), { recursive: true });
        },
        has: { details: { reason: 'backup_missing' } },
      },
    ],
  },
  {
    title: 'backups are listed with what they are of, and old ones go when that is asked',
    steps: [
      { tool: 'list_backups', expect: 'ok', has: { backups: [], count: 0 } },
      { tool: 'prune_backups', expect: 'ok', has: { status: 'pruned', removed: [], kept: 0 } },
      keys,
      publish('one', { before: write(CURSOR, OWN) }),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      publish('two'),
      { tool: 'deploy_config', input: source, expect: 'ok' },
      { tool: 'list_backups', expect: 'ok', has: { count: 2, backups: [{ verified: true }, { verified: true }] } },
      { tool: 'prune_backups', input: { client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      { tool: 'prune_backups', input: { keep: -1 }, expect: 'INVALID_INPUT' },
      { tool: 'prune_backups', input: { keep: 0, client_id: 'vscode' }, expect: 'ok', has: { removed: [], kept: 2 } },
      { tool: 'prune_backups', input: { keep: 0 }, expect: 'ok', has: { kept: 1 } },
      { tool: 'list_backups', expect: 'ok', has: { count: 1, backups: [{ client_id: 'cursor', verified: true }] } },
      { tool: 'undo_deployment', input: source, expect: 'ok' },
    ],
  },
  {
    title: "the servers that stand in a client's file become the draft",
    steps: [
      { tool: 'import_config', input: { ...source, client_id: 'cursr' }, expect: 'CLIENT_NOT_FOUND' },
      { tool: 'import_config', input: { ...source, profile_id: 'none' }, expect: 'PROFILE_NOT_FOUND' },
      { tool: 'import_config', input: { ...source, client_id: 'witsy' }, expect: 'CLIENT_NOT_WRITABLE' },
      { tool: 'import_config', input: source, expect: 'NOT_FOUND' },
      { tool: 'import_config', input: source, expect: 'CLIENT_FILE_UNPARSABLE', before: write(CURSOR, '{') },
      {
        tool: 'import_config',
        input: source,
        expect: 'ok',
        before: write(
          CURSOR,
          `{"mcpServers": {"own": {"command": "npx", "env": {"A_TOKEN": "${literal}"}}, "odd": 1}}`,
        ),
        has: {
          status: 'imported',
          imported: ['own'],
          skipped: [{ server_name: 'odd' }],
          secrets: [{ server_name: 'own', name: 'own.A_TOKEN', stored: false }],
          draft: { mcpServers: { own: { command: 'npx', args: [], env: { A_TOKEN: '${secret:own.A_TOKEN}' } } } },
          revision: 1,
        },
      },
      { tool: 'import_config', input: { ...source, if_revision: 7 }, expect: 'DRAFT_CHANGED' },
      {
        tool: 'import_config',
        input: { ...source, replace: true },
        expect: 'UNAVAILABLE',
        before: write('.mcp-orchestration/secrets.json', '{'),
      },
      keys,
      { tool: 'link_profile', input: { ...follower, source_client_id: 'cursor' }, expect: 'ok' },
      { tool: 'import_config', input: follower, expect: 'PROFILE_LINKED' },
      {
        tool: 'import_config',
        input: source,
        expect: 'WRITE_FAILED',
        before: (home) => {
          remove(CURSOR)(home);
          symlinkSync('/etc/hostname', join(home, CURSOR));
        },
      },
    ],
  },
];
