import { z } from 'zod';
import { describeServer } from '../catalog/describe.ts';
import { type Origin, ServerDescription } from '../catalog/shapes.ts';
import { ServerId } from '../core/ids.ts';
import { catalogOf, FROM_FILE, offeredRows } from './added-servers.ts';
import { type Context, defineOperation } from './operation.ts';

async function originOf(context: Context, server_id: string): Promise<Origin | null> {
  const row = (await offeredRows(context)).find((one) => one.server_id === server_id);
  if (row === undefined) return null;
  const { registry, version, raw_sha256, first_seen_at, findings } = row;
  const registry_url = registry === FROM_FILE ? null : registry;
  return { registry_url, version, raw_sha256, added_at: first_seen_at, finding_count: (findings as unknown[]).length };
}

export const describeAvailableServer = defineOperation({
  id: 'servers.describe',
  summary: 'Describe one server of the catalog: transports, parameters, environment, how to add it',
  effect: 'read',
  input: z.strictObject({ server_id: ServerId }),
  output: ServerDescription,
  errors: ['SERVER_NOT_FOUND'],
  permission: { needs: 'config:read', bound: 'open' },
  rest: { method: 'GET', path: '/v1/servers/{server_id}' },
  holdsUntil: () => null,
  mcp: { tool: 'describe_server', resource: { name: 'server', uri: 'server://{server_id}' } },
  cli: {
    verb: 'describe-server',
    positional: ['server_id'],
    flags: { server_id: 'server' },
    text: (server, style) => {
      const fields = (
        rows: { name: string; required?: boolean | undefined; secret?: boolean | undefined; description: string }[],
      ) =>
        rows.map((row) => [
          style.bold(row.name),
          row.required ? 'required' : style.dim('optional'),
          row.secret ? style.warn('secret') : '',
          row.description,
        ]);
      const variables = [
        ...server.env_vars.required.map((row) => ({ ...row, required: true })),
        ...server.env_vars.optional.map((row) => ({ ...row, required: false })),
      ];
      const parts = [
        `${style.bold(server.display_name)} (${server.server_id})`,
        server.description,
        `Transports: ${[...new Set(server.transports.map(({ type }) => type))].join(', ')}    ${server.documentation_url}`,
        server.parameters.length > 0 ? style.table(['parameter', '', '', 'meaning'], fields(server.parameters)) : '',
        variables.length > 0 ? style.table(['variable', '', '', 'meaning'], fields(variables)) : '',
        ...server.warnings.map((warning) => style.warn(`! ${warning}`)),
        `Add it with:  ${server.usage_example}`,
      ];
      return { out: parts.filter((part) => part !== '').join('\n\n') };
    },
  },
  async run(context, { server_id }) {
    return describeServer(server_id, await catalogOf(context), await originOf(context, server_id));
  },
});
