import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { ClientDefinition } from '../clients/client.ts';
import { invalidInput } from '../core/errors.ts';
import { ClientId, ProfileId } from '../core/ids.ts';
import type { DeploymentRow } from '../stores/rows.ts';
import { clientsOf } from './added-clients.ts';
import { effectiveServers } from './explain/effective.ts';
import { type SeenFile, seenFiles } from './explain/files.ts';
import { defineOperation, type TextStyle } from './operation.ts';
import { assertMayLookHere } from './rollout/write.ts';
import type { Machine } from './services.ts';
import { findClient } from './shapes.ts';

const ExplainedFile = z.object({
  config_scope: z.string(),
  path: z.string(),
  exists: z.boolean(),
  role: z.enum(['read', 'managed', 'stale', 'legacy']).meta({
    description:
      'managed: an administrator writes it. stale: the client reads another file in its place. legacy: an earlier version kept its servers there, and whether this one still reads it is not known.',
  }),
  moved_by: z.string().nullable().meta({ description: 'The variable of the environment that moved it here.' }),
  readable: z.boolean().nullable(),
  detail: z.string().nullable(),
  servers: z.array(z.string()),
});

const ExplainedServer = z.object({
  server_name: z.string(),
  status: z.enum(['enabled', 'needs_approval', 'disabled', 'shut_out', 'not_known']).meta({
    description:
      'needs_approval: the client asks its user; whether that was answered is not known here. shut_out: a file of an administrator lets no other server through. not_known: it stands in several files, and which one wins is written nowhere.',
  }),
  wins: z.string().nullable().meta({ description: 'The scope whose entry the client takes.' }),
  found: z.array(
    z.object({
      config_scope: z.string(),
      path: z.string(),
      transport: z.enum(['stdio', 'http', 'sse']).nullable(),
      starts: z.string().nullable().meta({ description: 'The program, or the address without its query.' }),
      variables: z.array(z.string()).meta({ description: 'Names of variables and headers, without their values.' }),
      deployed_by: z
        .object({ client_id: ClientId, profile_id: ProfileId, sequence: z.int() })
        .nullable()
        .meta({ description: 'The deployment that it is from; null: somebody else wrote it.' }),
      disabled: z.boolean(),
      needs_approval: z.boolean(),
    }),
  ),
});

const ExplainedClient = z.object({
  client_id: ClientId,
  display_name: z.string(),
  precedence: z.array(z.array(z.string())).meta({
    description: 'Chains of scopes, the one that wins first. What no chain orders is not known.',
  }),
  files: z.array(ExplainedFile),
  servers: z.array(ExplainedServer),
  to_do: z.array(z.string()).meta({ description: 'What only the person at the machine can do in the application.' }),
});
type ExplainedClient = z.output<typeof ExplainedClient>;

async function explain(
  client: ClientDefinition,
  machine: Machine,
  project: string | undefined,
  rows: readonly DeploymentRow[],
): Promise<z.input<typeof ExplainedClient>> {
  const files = await seenFiles(client, machine, project);
  const servers = effectiveServers(client, files, rows);
  return {
    client_id: client.client_id,
    display_name: client.display_name,
    precedence: client.precedence ?? [],
    files: files.map(fileShown),
    servers,
    to_do: servers.some(({ status }) => status === 'needs_approval') ? [...(client.trust_steps ?? [])] : [],
  };
}

const fileShown = ({ scope, path, exists, role, moved_by, readable, detail, entries }: SeenFile) => ({
  config_scope: scope.scope,
  path,
  exists,
  role,
  moved_by,
  readable,
  detail,
  servers: [...entries.keys()],
});

const WORDS = {
  enabled: 'enabled',
  needs_approval: 'to be approved',
  disabled: 'switched off',
  shut_out: 'shut out',
  not_known: 'not known which',
} as const;

function serversTable({ servers }: ExplainedClient, style: TextStyle): string {
  const rows = servers.flatMap(({ server_name, status, wins, found }) =>
    found.map((entry, i) => [
      i === 0 ? style.bold(server_name) : '',
      i > 0 ? '' : status === 'enabled' ? style.good(WORDS[status]) : style.warn(WORDS[status]),
      entry.config_scope,
      found.length === 1 ? '' : entry.config_scope === wins ? style.good('wins') : style.dim(wins ? 'hidden' : '?'),
      entry.deployed_by ? `${entry.deployed_by.profile_id}, release ${entry.deployed_by.sequence}` : 'others',
      [entry.starts ?? '', entry.variables.length > 0 ? style.dim(`(${entry.variables.join(', ')})`) : '']
        .join(' ')
        .trim(),
    ]),
  );
  return style.table(['server', 'state', 'scope', '', 'from', 'starts'], rows);
}

function linesOfFile(file: ExplainedClient['files'][number], style: TextStyle): string[] {
  const { config_scope, path, exists, role, moved_by, readable, detail, servers } = file;
  if (!exists && moved_by === null) return [];
  const told = [
    ...(exists ? [] : ['there is none']),
    ...(moved_by === null ? [] : [`moved here by ${moved_by}`]),
    ...(role === 'managed' ? ['written by an administrator'] : []),
    ...(role === 'stale' ? ['not read: the client reads another file in its place'] : []),
    ...(role === 'legacy' ? ['of an earlier version; whether it is still read is not known'] : []),
    ...(exists && readable === null ? ['this version does not look into its format'] : []),
    ...(role !== 'read' && servers.length > 0 ? [`has ${servers.join(', ')}`] : []),
  ];
  const line = `  ${style.dim(config_scope)}  ${path}${told.length > 0 ? `: ${told.join('; ')}` : ''}`;
  return detail === null ? [line] : [line, `    ${style.bad(detail)}`];
}

function textOf(clients: readonly ExplainedClient[], style: TextStyle): string {
  if (clients.length === 0) return 'No client has a file on this machine.';
  const parts = clients.map((client) => {
    const unordered = client.servers.some(({ status }) => status === 'not_known');
    return [
      style.bold(client.display_name),
      ...client.files.flatMap((file) => linesOfFile(file, style)),
      client.servers.length > 0 ? serversTable(client, style) : 'It has no servers.',
      ...client.to_do.map((step) => `${style.warn('To do in the application:')} ${step}`),
      ...(unordered
        ? ['Which of several files wins is written nowhere for this client: keep a name in one file.']
        : []),
    ].join('\n');
  });
  return parts.join('\n\n');
}

export const explainConfig = defineOperation({
  id: 'clients.explain',
  summary: 'Say which servers a client gets to see on this machine, from which files, and which entry wins',
  description:
    'Reads all files of the client: which exist, which one wins for each server, what is ours and what is of others, what is switched off, and what its user still has to approve. Values are never shown.',
  effect: 'read',
  transaction: 'own',
  input: z.strictObject({
    client_id: ClientId.optional().meta({ description: 'Only this client; all that have a file when left out.' }),
    project: z.string().max(4096).optional().meta({ description: 'Look at the files of this project as well.' }),
  }),
  output: z.object({ clients: z.array(ExplainedClient) }),
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', bound: 'never', installation: true },
  rest: { method: 'GET', path: '/v1/explain' },
  mcp: { tool: 'explain_config', toolset: 'machine' },
  cli: {
    verb: 'explain-config',
    flags: { client_id: 'client' },
    paths: ['project'],
    text: ({ clients }, style) => ({ out: textOf(clients, style) }),
  },
  async run(context, { client_id, project }) {
    assertMayLookHere(context, 'explain-config');
    if (project !== undefined && !isAbsolute(project)) throw invalidInput('project', 'is no absolute path');
    const asked = client_id === undefined ? await clientsOf(context) : [await findClient(context, client_id)];
    const machine = await context.services.machine();
    const rows = await context.store.deployments.currents(context.workspace, machine.machine_id);
    const clients = [];
    for (const client of asked) {
      const explained = await explain(client, machine, project, rows);
      if (client_id !== undefined || explained.files.some(({ exists }) => exists)) clients.push(explained);
    }
    return { clients };
  },
});
