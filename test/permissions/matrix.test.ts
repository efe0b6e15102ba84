import { PassThrough } from 'node:stream';
import { Client } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { serveMcpStdio } from '../../src/adapters/mcp/stdio.ts';
import { AppError } from '../../src/core/errors.ts';
import type { App } from '../../src/main/compose.ts';
import { batchOf } from '../../src/operations/batch.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { invoke, type Operation, TOOLSETS } from '../../src/operations/operation.ts';
import { requestOf } from '../hostile/doors.ts';
import { startRest } from '../hostile/server.ts';
import { HERE, OF_INSTALLATION, ROWS, type Row } from './rows.ts';

/**
 * Every operation with every role, each single scope and an agent, unbound and bound, of its own and of another workspace,
 * through REST and MCP. Only whether it is let through is asked: in place of what it does stands a mark.
 */

const SCOPES =
  'config:read config:write config:approve config:publish config:deploy catalog:write policy:admin keys:admin secrets:admin audit:read events:read metrics:read webhooks:admin tokens:admin workspaces:admin'.split(
    ' ',
  );
const VIEWER = ['config:read', 'events:read'];
const ROLES: Record<string, string[]> = {
  viewer: VIEWER,
  editor: [...VIEWER, 'config:write'],
  publisher: [...VIEWER, 'config:write', 'config:publish'],
  deployer: [...VIEWER, 'config:deploy'],
  approver: [...VIEWER, 'config:approve'],
  auditor: [...VIEWER, 'audit:read'],
  admin: SCOPES,
};
const AGENT = ['config:read', 'config:write', 'events:read'];

interface Binding {
  client_id?: string;
  profile_id?: string;
}
const BINDINGS: Record<string, Binding> = {
  unbound: {},
  'bound to the client': { client_id: HERE.client_id },
  'bound to another client': { client_id: 'zed' },
  'bound to the profile': { profile_id: HERE.profile_id },
  'bound to another profile': { profile_id: 'prod' },
};
const WORKSPACES = ['default', 'team-b'];

interface Credential {
  name: string;
  agent: boolean;
  scopes: ReadonlySet<string>;
  binding: Binding;
  workspace: string;
  token: string;
}

const reached = (input: Record<string, unknown>) =>
  new AppError('NOT_FOUND', 'reached', { client_id: input['client_id'], profile_id: input['profile_id'] });
const marked = OPERATIONS.filter(({ id }) => id !== 'batch.run').map(
  (operation): Operation => ({
    ...operation,
    async run(_context, input) {
      throw reached(input);
    },
  }),
);
const operations = [...marked, batchOf(marked)];
const named = (id: string): Operation => {
  const found = OPERATIONS.find((operation) => operation.id === id);
  if (!found) throw new Error(`there is no operation ${id}`);
  return found;
};

let app: App;
let server: FastifyInstance;
let close: () => Promise<void>;
const credentials: Credential[] = [];

beforeAll(async () => {
  const mcp = mcpOverHttp(offerOf(operations, { version: '0', toolsets: new Set(TOOLSETS) }), {
    now: () => new Date(),
  });
  ({ app, server, close } = await startRest({ operations, mcp }));
  const context = app.localContext('cli');
  await invoke(named('workspaces.create'), context, { workspace: 'team-b' });
  const sets: [name: string, what: object, scopes: string[]][] = [
    ...Object.entries(ROLES).map(([role, scopes]): [string, object, string[]] => [role, { role }, scopes]),
    ...SCOPES.map((scope): [string, object, string[]] => [
      scope,
      { scopes: [scope] },
      scope === 'config:write' ? [scope, 'config:read'] : [scope],
    ]),
    ['agent', { kind: 'agent', role: 'admin' }, AGENT],
  ];
  await context.store.transaction(async (store) => {
    for (const [name, what, scopes] of sets)
      for (const [bound, binding] of Object.entries(BINDINGS))
        for (const workspace of WORKSPACES) {
          const made = await invoke(named('tokens.create'), { ...context, store }, { ...what, ...binding, workspace });
          credentials.push({
            name: `${name}, ${bound}, ${workspace}`,
            agent: name === 'agent',
            scopes: new Set(scopes),
            binding,
            workspace,
            token: String(made['token']),
          });
        }
  });
}, 60_000);
afterAll(() => close());

const isHere = ({ client_id, profile_id }: Binding): boolean =>
  (client_id ?? HERE.client_id) === HERE.client_id && (profile_id ?? HERE.profile_id) === HERE.profile_id;

/** What the table says: `reached`, or why not. */
function expected({ needs, about, agents, installation, input }: Row, credential: Credential): string {
  const { scopes, agent, binding, workspace } = credential;
  if (!scopes.has(needs) || (agent && !agents)) return `needs ${needs}`;
  if (installation && workspace !== 'default') return 'installation';
  const bound = Object.keys(binding).length > 0;
  if (!bound || about === 'all') return 'reached';
  if (about === 'workspace') return 'bound';
  const elsewhere =
    about === 'target'
      ? !isHere(binding)
      : 'client_id' in input && !isHere({ client_id: binding.client_id ?? HERE.client_id });
  return elsewhere ? 'bound' : 'reached';
}

/** What a door said, in the words of the table. */
function said(error: { code: string; message: string; details: Record<string, unknown> } | undefined): string {
  if (error === undefined || error.message === 'reached') return 'reached';
  if (error.code !== 'FORBIDDEN') return JSON.stringify(error);
  if ('needs' in error.details) return `needs ${error.details['needs']}`;
  return 'bound_to' in error.details ? 'bound' : 'installation';
}

const headersOf = ({ token }: Credential) => ({
  host: 'localhost',
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
});

async function overRest(id: string, input: Row['input'], credential: Credential) {
  const [method, url, body] = requestOf(named(id), input);
  const answer = await server.inject({
    method: method as 'GET',
    url,
    headers: headersOf(credential),
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return JSON.parse(answer.body);
}

async function overMcp(tool: string, input: Row['input'], credential: Credential) {
  const answer = await server.inject({
    method: 'POST',
    url: '/mcp',
    headers: { ...headersOf(credential), accept: 'application/json, text/event-stream' },
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: input } },
  });
  const message = JSON.parse(/^data: (.+)$/m.exec(answer.body)?.[1] ?? answer.body);
  return JSON.parse(message.result.content[0].text);
}

const toolOf = (id: string) => named(id).mcp?.tool;
const ROUTES = Object.entries(ROWS).filter(([id]) => named(id).rest);
const TOOLS = Object.entries(ROWS).filter(([id]) => toolOf(id) !== undefined);
const of = (pattern: RegExp) => credentials.filter(({ name }) => pattern.test(name));

async function differences(
  rows: readonly (readonly [string, Row])[],
  who: readonly Credential[],
  ask: (id: string, input: Row['input'], credential: Credential) => Promise<{ error?: Parameters<typeof said>[0] }>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const credential of who) {
    for (const [id, row] of rows) {
      const { error } = await ask(id, row.input, credential);
      const [is, wanted] = [said(error), expected(row, credential)];
      if (is !== wanted) wrong.push(`${id} as ${credential.name}: ${is}, not ${wanted}`);
    }
  }
  return wrong;
}

describe('the permission table', () => {
  it('has a row for every operation, and no other', () => {
    expect(Object.keys(ROWS).sort()).toEqual(OPERATIONS.map(({ id }) => id).sort());
  });

  it('has a credential for every role, scope, binding and workspace', () => {
    expect(credentials).toHaveLength((7 + 15 + 1) * 5 * 2);
  });
});

describe('the permission matrix', { timeout: 120_000 }, () => {
  it('holds for each route with every role and single scope, and with all scopes however bound', async () => {
    const who = [...of(/unbound, default/), ...of(/^(?:admin|agent),.*(?:bound to|team-b)/)];
    expect(await differences(ROUTES, who, overRest)).toEqual([]);
  });

  it('holds for the routes of a scope that may not send a batch, however bound', async () => {
    const wrong = credentials
      .filter(({ scopes }) => !scopes.has('config:read'))
      .map((credential) => {
        const rows = ROUTES.filter(([, { needs }]) => credential.scopes.has(needs));
        return differences(rows, [credential], overRest);
      });
    expect((await Promise.all(wrong)).flat()).toEqual([]);
  });

  it('holds for each tool over HTTP with all scopes, bound and not, of both workspaces, and for an agent', async () => {
    const who = [...of(/^admin, (?:unbound|bound to (?:another )?client)/), ...of(/^agent, unbound, default/)];
    const ask = (id: string, input: Row['input'], credential: Credential) =>
      overMcp(toolOf(id) ?? '', input, credential);
    expect(await differences(TOOLS, who, ask)).toEqual([]);
  });

  it.each([
    ['REST', (items: object[], who: Credential) => overRest('batch.run', { items }, who)],
    ['MCP', (items: object[], who: Credential) => overMcp('batch', { items }, who)],
  ])('holds for each operation as an item of a batch over %s, with everything', async (_door, ask) => {
    const rows = TOOLS.filter(([id]) => id !== 'batch.run');
    const items = rows.map(([id, { input }]) => ({ operation: toolOf(id), input }));
    const wrong: string[] = [];
    for (const credential of credentials) {
      const { error, results } = await ask(items, credential);
      if (!credential.scopes.has('config:read')) {
        if (said(error) !== 'needs config:read') wrong.push(`batch as ${credential.name}: ${said(error)}`);
        continue;
      }
      for (const [at, [id, row]] of rows.entries()) {
        const [is, wanted] = [said(results[at].body.error), expected(row, credential)];
        if (is !== wanted) wrong.push(`${id} as ${credential.name}: ${is}, not ${wanted}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(['user', 'agent'] as const)('holds for each tool over stdio for a local %s', async (kind) => {
    const [toServer, toClient] = [new PassThrough(), new PassThrough()];
    const offer = offerOf(operations, { version: '0', toolsets: new Set(TOOLSETS) });
    const serving = serveMcpStdio(offer, () => app.localContext('mcp', kind), { stdin: toServer, stdout: toClient });
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(new StdioServerTransport(toClient, toServer));
    const [credential] = of(kind === 'agent' ? /^agent, unbound, default/ : /^admin, unbound, default/);
    const ask = async (id: string, input: Row['input']) => {
      const { content } = await client.callTool({ name: toolOf(id) ?? '', arguments: input });
      return JSON.parse((content as { text: string }[])[0]?.text ?? '');
    };
    expect(await differences(TOOLS, [credential as Credential], ask)).toEqual([]);
    await client.close();
    toServer.end();
    await serving;
  });

  it('narrows filters that were left open to what the credential is bound to', async () => {
    const details = async (id: string, binding: string) => {
      const [admin] = of(new RegExp(`^admin, ${binding}, default`));
      return (await overRest(id, ROWS[id]?.input ?? {}, admin as Credential)).error.details;
    };
    for (const id of ['events.list', 'tokens.create']) {
      expect(await details(id, 'unbound')).toEqual({});
      expect(await details(id, 'bound to the client')).toEqual({ client_id: 'cursor' });
      expect(await details(id, 'bound to another profile')).toEqual({ profile_id: 'prod' });
    }
    expect(await details('deployments.drift', 'bound to the client')).toEqual({ client_id: 'cursor' });
  });

  it.each(OF_INSTALLATION)('lets only callers of `default` call %s with %j', async (id, input) => {
    const [own, other] = [of(/^admin, unbound, default/), of(/^admin, unbound, team-b/)];
    expect(said((await overRest(id, input, own[0] as Credential)).error)).toBe('reached');
    expect(said((await overRest(id, input, other[0] as Credential)).error)).toBe('installation');
  });

  it('refuses the event stream without its scope, and for another client than the own one', async () => {
    const ask = async (pattern: RegExp, url: string) => {
      const [who] = of(pattern);
      const answer = await server.inject({ url, headers: headersOf(who as Credential) });
      return said(JSON.parse(answer.body).error);
    };
    expect(await ask(/^config:read, unbound, default/, '/v1/events')).toBe('needs events:read');
    expect(await ask(/^admin, bound to the client, default/, '/v1/events?client_id=zed')).toBe('bound');
    expect(await ask(/^admin, bound to the profile, default/, '/v1/events?profile_id=prod')).toBe('bound');
  });
});
