import { ClientDefinition } from '../clients/client.ts';
import { CLIENTS, clientById } from '../clients/index.ts';
import { safeParse } from '../core/safe-parse.ts';
import type { Context } from './operation.ts';

/** The client applications that somebody described to this installation, beside the ones that are known out of the box. */

type Kept = Pick<Context, 'store' | 'workspace'>;

/** What an earlier version of this program took, and this one does not, is passed over. */
async function addedClients({ store, workspace }: Kept): Promise<ClientDefinition[]> {
  const rows = await store.clients.list(workspace);
  return rows.flatMap(({ client_id, definition }) => {
    const { data } = safeParse(ClientDefinition, definition);
    return data === undefined || clientById(client_id) !== undefined ? [] : [data];
  });
}

/** Every client of a workspace, those that are known out of the box first. */
export async function clientsOf(kept: Kept): Promise<readonly ClientDefinition[]> {
  const added = await addedClients(kept);
  return added.length === 0 ? CLIENTS : [...CLIENTS, ...added];
}

/** The store is only asked about a client that is not known out of the box: most calls are about one that is. */
export async function knownClient(kept: Kept, client_id: string): Promise<ClientDefinition | undefined> {
  return clientById(client_id) ?? (await addedClients(kept)).find((client) => client.client_id === client_id);
}
