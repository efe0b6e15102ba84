import { z } from 'zod';
import { unknownServer } from '../catalog/describe.ts';
import { type ExpandInput, expand } from '../catalog/expand.ts';
import { CATALOG } from '../catalog/index.ts';
import type { CatalogServer } from '../catalog/server.ts';
import { addEntry } from '../core/draft.ts';
import { invalidInput } from '../core/errors.ts';
import { nullRecord, ServerId } from '../core/ids.ts';
import { ServerName } from '../core/payload.ts';
import { hasReference } from '../core/references.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import { parseStrictJson } from '../core/strict-json.ts';
import { catalogOf } from './added-servers.ts';
import { assertRevision, currentDraft } from './current.ts';
import { assertNotLinked } from './links.ts';
import type { Context } from './operation.ts';
import { TransportWord } from './servers.ts';
import { findTarget, IfRevision, TargetInput } from './shapes.ts';

/** What somebody gives who adds a server, and what becomes of it. */

const MapOrJson = z.union([z.record(z.string(), z.json()), z.string()]);

export const AddServerInput = TargetInput.extend({
  server_id: ServerId,
  params: MapOrJson.optional().meta({
    description: 'Parameters by name; a repeatable one takes an array or one scalar.',
  }),
  env_vars: MapOrJson.optional().meta({ description: 'Environment variables by name.' }),
  server_name: ServerName.optional().meta({
    description: 'Name inside the configuration; the server id when left out.',
  }),
  transport: TransportWord.optional(),
  runtime: z
    .string()
    .optional()
    .meta({ description: 'How a stdio server is started when there is a choice: npx, uvx, docker, dnx, command.' }),
  replace: z.boolean().default(false).meta({ description: 'Take the place of an entry of the same name.' }),
  if_revision: IfRevision,
});
export type AddServerInput = z.output<typeof AddServerInput>;

/** A map given as an object, or as the JSON text of one (some MCP clients can only send text). */
function readMap(field: string, value: z.infer<typeof MapOrJson> | undefined): Record<string, unknown> {
  const map = typeof value === 'string' ? parseStrictJson(value) : (value ?? {});
  if (typeof map === 'object' && map !== null && !Array.isArray(map)) return map as Record<string, unknown>;
  throw invalidInput(field, 'give an object, or the JSON text of one');
}

function readEnvironment(value: z.infer<typeof MapOrJson> | undefined): Record<string, string> {
  const variables = nullRecord<string>();
  for (const [name, text] of Object.entries(readMap('env_vars', value))) {
    if (typeof text === 'object')
      throw invalidInput(`env_vars.${name}`, 'the value of an environment variable is a string');
    variables[name] = String(text);
  }
  return variables;
}

/** Resolves `~` and relative paths of path parameters, as a person in a terminal means them. */
export function absolutePaths(
  input: Record<string, unknown>,
  absolute: (path: string) => string,
  catalog: readonly CatalogServer[] = CATALOG,
): Record<string, unknown> {
  const server = catalog.find(({ server_id }) => server_id === input['server_id']);
  if (!server) return input;
  const fields = server.transports.flatMap((transport) => [
    ...transport.parameters,
    ...('env' in transport ? transport.env : []),
  ]);
  const names = new Set(
    fields.filter((field) => field.type === 'path').flatMap((field) => [field.name, ...(field.aliases ?? [])]),
  );
  const one = (value: unknown) => (typeof value === 'string' && !hasReference(value) ? absolute(value) : value);
  const resolved = (field: 'params' | 'env_vars') => {
    const given = input[field];
    if (given === undefined) return {};
    const map = Object.entries(readMap(field, given as z.infer<typeof MapOrJson>));
    const absolutely = (name: string, value: unknown) =>
      !names.has(name) ? value : Array.isArray(value) ? value.map(one) : one(value);
    return { [field]: nullRecord(map.map(([name, value]) => [name, absolutely(name, value)])) };
  };
  return { ...input, ...resolved('params'), ...resolved('env_vars') };
}

/** What the catalog makes an entry of. */
export const expandInput = (
  input: Pick<AddServerInput, 'params' | 'env_vars' | 'transport' | 'runtime'>,
): ExpandInput => ({
  params: readMap('params', input.params),
  env: readEnvironment(input.env_vars),
  ...(input.transport !== undefined && { transport: input.transport }),
  ...(input.runtime !== undefined && { runtime: input.runtime }),
});

/** The draft as it would be with the server. Nothing is stored; throws everything that stands against it. */
export async function plannedServer(context: Context, input: AddServerInput) {
  await findTarget(context, input);
  await assertNotLinked(context, input);
  const catalog = await catalogOf(context);
  const server = catalog.find(({ server_id }) => server_id === input.server_id);
  if (!server) throw unknownServer(input.server_id, catalog);
  const draft = await currentDraft(context, input);
  assertRevision(draft, input.if_revision);
  const { entry } = expand(server, expandInput(input));
  const server_name = input.server_name ?? input.server_id;
  const payload = addEntry(draft.payload, server_name, entry, { replace: input.replace });
  assertNoSecret(payload);
  return { draft, payload, server_name };
}
