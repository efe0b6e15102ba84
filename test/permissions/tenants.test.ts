import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../src/operations/fields.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { type Context, invoke, type Operation } from '../../src/operations/operation.ts';
import { requestOf } from '../hostile/doors.ts';
import { restInProcess } from '../hostile/server.ts';
import { rowsIn } from '../support/rows.ts';
import { ROWS } from './rows.ts';

/** Two tenants on one server: what one has is for the other as if it were nowhere, to the byte (SECURITY-BAR T25). */

/** What a field of an input can name that belongs to a tenant; null: nothing that does. A new field needs a line here. */
const NAMES: Readonly<Record<string, keyof Owned | null>> = {
  profile_id: 'profile_id',
  source_profile_id: 'profile_id',
  artifact_id: 'artifact_id',
  local_artifact_id: 'artifact_id',
  deployment_id: 'deployment_id',
  token_id: 'token_id',
  webhook_id: 'webhook_id',
  delivery_id: 'delivery_id',
  workspace: 'workspace',
  cursor: 'cursor',
  since: 'since',
  ...Object.fromEntries(
    `adopt allow_empty atomic bearer changelog check client_id clients config_a config_b config_path
    config_scope definition description detect display_name document docker_profile dry_run env_vars
    events expect_file_sha256 expires expires_at file fingerprint gateway if_revision
    if_servers_to_revision include_deleted inputs installed items keep kind limit local_payload name
    on_drift once options os params payload project regenerate registry_name remove replace role runtime
    scopes search search_query sequence server server_id server_name servers_to source_client_id
    store_secrets to transport transport_filter types updated_since url version wait watch write`
      .split(/\s+/)
      .map((field) => [field, null]),
  ),
};

/** One object of each kind, and one of the same form that nobody has. */
interface Owned {
  profile_id: string;
  artifact_id: string;
  deployment_id: string;
  token_id: string;
  webhook_id: string;
  delivery_id: string;
  workspace: string;
  cursor: string;
  since: string;
}
const NOBODYS: Owned = {
  profile_id: 'secret-b',
  artifact_id: 'e'.repeat(64),
  deployment_id: 'dep_00000000-0000-4000-8000-000000000000',
  token_id: 'tok_00000000-0000-4000-8000-000000000000',
  webhook_id: 'whk_00000000-0000-4000-8000-000000000000',
  delivery_id: 'dlv_0000000000000001_00000000-0000-4000-8000-000000000000',
  workspace: 'team-x',
  cursor: '',
  since: '0000000000009999',
};

const payload = { mcpServers: { mine: { command: 'node', args: ['only-the-owner-knows'] } } };
const HOOK = { url: 'https://198.41.0.4:8443/hook', events: ['config.published'] };

const named = (id: string): Operation => {
  const found = OPERATIONS.find((operation) => operation.id === id);
  if (!found) throw new Error(`there is no operation ${id}`);
  return found;
};

/** Fills a workspace with one object of every kind. */
async function furnish(context: Context, home: string): Promise<Owned> {
  const run = async (id: string, input: object) => (await invoke(named(id), context, input)) as Record<string, string>;
  const target = { client_id: 'cursor', profile_id: 'secret-a' };
  await run('keys.initialize', {});
  await run('profiles.create', target);
  const { artifact_id = '' } = await run('releases.publish', { ...target, payload });
  let deployment_id = NOBODYS.deployment_id;
  if (context.workspace === 'default') {
    mkdirSync(join(home, '.cursor'), { recursive: true });
    await run('deployments.deploy', target);
    const { deployments } = await invoke(named('deployments.history'), context, target);
    deployment_id = (deployments as Owned[])[0]?.deployment_id ?? '';
  }
  const { token_id = '' } = await run('tokens.create', { scopes: ['config:read'] });
  await run('tokens.create', { scopes: ['config:read'] });
  const { next_cursor = '' } = await run('tokens.list', { limit: 1 });
  const { webhook_id = '' } = await run('webhooks.subscribe', HOOK);
  const { delivery_id = '' } = await run('webhooks.test', { webhook_id });
  const { next = '' } = await run('events.list', {});
  const objects = { profile_id: target.profile_id, artifact_id, deployment_id, token_id, webhook_id, delivery_id };
  return { ...objects, workspace: context.workspace, cursor: next_cursor, since: next };
}

async function twoTenants() {
  const rest = await restInProcess();
  const context = rest.app.localContext('cli');
  for (const workspace of ['team-a', 'team-b']) await invoke(named('workspaces.create'), context, { workspace });
  const owned = new Map<string, Owned>();
  for (const workspace of ['default', 'team-a'])
    owned.set(workspace, await furnish({ ...context, workspace }, rest.workspace.home));
  const admin = async (workspace: string) => {
    const { token } = await invoke(named('tokens.create'), context, { role: 'admin', workspace });
    return String(token);
  };
  const ask = async (operation: Operation, input: Record<string, unknown>, token: string) => {
    const [method, url, body] = requestOf(operation, input);
    const headers = { host: 'localhost', authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const request = { method: method as 'GET', url, headers };
    const answer = await rest.server.inject({
      ...request,
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, text: answer.body };
  };
  return { ...rest, context, owned, admin, ask };
}

/** Without what differs from answer to answer, and without the name that was asked for. */
const bare = (text: string, name: string): string =>
  text
    .replaceAll(name, '<name>')
    .replaceAll('default', '<name>')
    .replace(/"request_id":"[^"]+"/, '')
    .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '<time>')
    .replaceAll(/(?:mcpo_user_|whsec_)[\w+/=]+/g, '<secret>')
    .replaceAll(/(?:tok|whk|dlv)_[\w-]+/g, '<id>');

const makes = ({ id }: Operation) => id === 'profiles.create';
const WITH_ROUTE = OPERATIONS.filter(({ rest }) => rest !== undefined);

/** Every operation with every field by which it can name an object of a tenant; last those that make what was missing. */
const ASKED = WITH_ROUTE.flatMap((operation) =>
  fieldsOf(operation).flatMap(({ name }) => {
    const kind = NAMES[name];
    return kind && kind !== 'cursor' ? [{ operation, field: name, kind }] : [];
  }),
).toSorted((a, b) => Number(makes(a.operation)) - Number(makes(b.operation)));

/** Filters, and names that are still free: there is nothing that could be missing. Every other answer has the status 404. */
const NOT_MISSING: Readonly<Record<string, number>> = {
  'profiles.create profile_id': 201,
  'events.list profile_id': 200,
  'events.list since': 200,
  'payloads.validate profile_id': 200,
  'releases.diff local_artifact_id': 200,
};

describe('two tenants', () => {
  it('every field of every route is known to name an object of a tenant, or none', () => {
    const unknown = WITH_ROUTE.flatMap((operation) =>
      fieldsOf(operation).flatMap(({ name }) => (Object.hasOwn(NAMES, name) ? [] : [`${operation.id} ${name}`])),
    );
    expect(unknown).toEqual([]);
    expect(new Set([...ASKED.map(({ kind }) => kind), 'cursor'])).toEqual(new Set(Object.keys(NOBODYS)));
  });

  it.each([
    ['team-b', 'default'],
    ['team-b', 'team-a'],
  ])('%s is told of what %s has what it is told of what nobody has, by every route', async (asker, owner) => {
    const { owned, admin, ask, workspace, context } = await twoTenants();
    const token = await admin(asker);
    const theirs = owned.get(owner) as Owned;
    const [own] = [await invoke(named('webhooks.subscribe'), { ...context, workspace: asker }, HOOK)];
    const rows = () => rowsIn(workspace.env, `select * from audit where workspace = '${owner}'`);
    const before = await rows();
    const wrong: string[] = [];
    for (const { operation, field, kind } of ASKED) {
      const { installation, input } = ROWS[operation.id] ?? { installation: false, input: {} };
      const base = {
        ...input,
        ...(operation.id === 'tokens.create' && field === 'profile_id' && { client_id: 'cursor' }),
        ...(field === 'delivery_id' && { webhook_id: own['webhook_id'] }),
      };
      const of = async (name: string) => {
        const answer = await ask(operation, { ...base, [field]: name }, token);
        return { ...answer, text: bare(answer.text, name) };
      };
      const [foreign, none] = [await of(theirs[kind]), await of(NOBODYS[kind])];
      const what = `${operation.id} ${field}`;
      const status = installation ? 403 : (NOT_MISSING[what] ?? 404);
      if (foreign.status !== status) wrong.push(`${what}: ${foreign.status}, not ${status}: ${foreign.text}`);
      if (foreign.text !== none.text) wrong.push(`${what}: ${foreign.text}\n     ${none.text}`);
      if (foreign.text.includes('only-the-owner-knows')) wrong.push(`${what} shows what is in it`);
    }
    expect(wrong).toEqual([]);
    expect(await rows(), 'nothing was done in the workspace of the owner').toEqual(before);
  });

  it('a list shows what is in the own workspace only, and a cursor of another one leads nowhere else', async () => {
    const { owned, admin, ask } = await twoTenants();
    const token = await admin('team-b');
    const theirs = owned.get('default') as Owned;
    const lists = WITH_ROUTE.filter(
      ({ rest, permission }) => rest?.method === 'GET' && permission.installation !== true,
    );
    for (const operation of lists) {
      const inputs = [ROWS[operation.id]?.input ?? {}, { ...ROWS[operation.id]?.input, cursor: theirs.cursor }];
      for (const input of inputs) {
        const { text } = await ask(operation, input, token);
        for (const secret of ['secret-a', theirs.artifact_id, theirs.token_id, theirs.webhook_id, '"default"]']) {
          expect(text, operation.id).not.toContain(secret);
        }
      }
    }
  });

  it('default does not see into another workspace either, but by naming it', async () => {
    const { owned, admin, ask } = await twoTenants();
    const token = await admin('default');
    const { token_id, webhook_id } = owned.get('team-a') as Owned;
    expect((await ask(named('tokens.revoke'), { token_id }, token)).status).toBe(404);
    expect((await ask(named('webhooks.delete'), { webhook_id }, token)).status).toBe(404);
    const { text } = await ask(named('tokens.list'), { workspace: 'team-a' }, token);
    expect(text).toContain(token_id);
    expect((await ask(named('tokens.revoke'), { token_id, workspace: 'team-a' }, token)).status).toBe(200);
  });
});
