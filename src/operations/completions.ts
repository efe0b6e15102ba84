import { CATALOG } from '../catalog/index.ts';
import { CLIENTS } from '../clients/index.ts';
import type { Context } from './operation.ts';
import { STANDARD_PROFILES } from './shapes.ts';

/** Values that a person may mean by the beginning of a field; used by MCP completion and by shells. */
export async function complete(
  context: Context,
  field: string,
  prefix: string,
  given: Readonly<Record<string, string>>,
): Promise<string[]> {
  const values = await valuesOf(context, field, given);
  return values.filter((value) => value.startsWith(prefix)).slice(0, 100);
}

async function valuesOf(context: Context, field: string, given: Readonly<Record<string, string>>): Promise<string[]> {
  switch (field) {
    case 'client_id':
      return CLIENTS.map((client) => client.client_id);
    case 'server_id':
      return CATALOG.map((server) => server.server_id);
    case 'profile_id': {
      const created = await context.store.profiles.list(context.workspace, given['client_id']);
      return [...new Set([...STANDARD_PROFILES, ...created].map((profile) => profile.profile_id))];
    }
    default:
      return [];
  }
}
