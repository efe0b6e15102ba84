import { clientsOf } from './added-clients.ts';
import type { Context, Target } from './operation.ts';

/** Every client and profile that has a release, in the order of the registry. */
export async function releasedTargets({ store, workspace }: Context): Promise<(Target & Record<string, string>)[]> {
  const clients = await clientsOf({ store, workspace });
  const found = await Promise.all(clients.map(({ client_id }) => store.releases.latestOfClient(workspace, client_id)));
  return found.flat().map(({ client_id, profile_id }) => ({ client_id, profile_id }));
}
