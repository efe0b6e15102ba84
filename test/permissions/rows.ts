/**
 * What every operation needs, as literals: a change of a permission is a change of this table. Each row: the scope; what a
 * bound credential meets; who else may not; and an input that the operation takes.
 */
export interface Row {
  needs: string;
  /**
   * `target`: refused unless the client and profile of the input are its own. `part`: shows its own part. `all`: the same
   * for everybody. `workspace`: refused, because it is about more than a part.
   */
  about: 'target' | 'part' | 'all' | 'workspace';
  /** Credentials of kind `agent` may not, whatever their scopes. */
  agents: boolean;
  /** Refused outside the workspace `default`. */
  installation: boolean;
  input: Record<string, unknown>;
}

export const HERE = { client_id: 'cursor', profile_id: 'dev' };
const id = 'f'.repeat(64);
const payload = { mcpServers: {} };
const hook = { webhook_id: 'whk_none' };

const row = (
  needs: string,
  about: Row['about'],
  input: Row['input'] = {},
  { agents = true, installation = false } = {},
): Row => ({ needs, about, agents, installation, input });
const people = { agents: false };
const machine = { agents: false, installation: true };
const machineToo = { installation: true };

export const ROWS: Readonly<Record<string, Row>> = {
  'clients.list': row('config:read', 'part'),
  'profiles.list': row('config:read', 'part', { client_id: HERE.client_id }),
  'profiles.create': row('config:write', 'target', HERE, people),
  'profiles.remove': row('config:write', 'target', HERE, people),
  'servers.list': row('config:read', 'all'),
  'servers.describe': row('config:read', 'all', { server_id: 'memory' }),
  'drafts.addServer': row('config:write', 'target', { ...HERE, server_id: 'memory' }),
  'drafts.removeServer': row('config:write', 'target', { ...HERE, server_name: 'memory' }),
  'drafts.set': row('config:write', 'target', { ...HERE, payload }),
  'drafts.clear': row('config:write', 'target', HERE),
  'drafts.view': row('config:read', 'target', HERE),
  'drafts.useGateway': row('config:write', 'target', {
    ...HERE,
    url: 'http://127.0.0.1:9/mcp',
    servers_to: HERE.client_id,
  }),
  'drafts.validate': row('config:write', 'target', HERE),
  'drafts.import': row('config:write', 'workspace', HERE, machineToo),
  'payloads.validate': row('config:write', 'target', { ...HERE, payload }),
  'events.list': row('events:read', 'part'),
  'releases.get': row('config:read', 'target', HERE),
  'releases.latest': row('config:read', 'target', HERE),
  'releases.history': row('config:read', 'target', HERE),
  'releases.native': row('config:read', 'target', HERE),
  'releases.diff': row('config:read', 'target', { ...HERE, local_artifact_id: id }),
  'releases.publish': row('config:publish', 'target', HERE),
  'releases.revert': row('config:publish', 'target', { ...HERE, artifact_id: id }),
  'artifacts.get': row('config:read', 'part', { artifact_id: id }),
  'links.create': row('config:publish', 'target', { ...HERE, source_client_id: HERE.client_id }, people),
  'links.remove': row('config:publish', 'target', HERE, people),
  'deployments.deploy': row('config:deploy', 'target', HERE, machine),
  'deployments.deployAll': row('config:deploy', 'workspace', { clients: ['cursor'], profile_id: 'dev' }, machine),
  'deployments.history': row('config:read', 'target', HERE),
  'deployments.get': row('config:read', 'target', HERE),
  'deployments.drift': row('config:deploy', 'part', {}, machineToo),
  'deployments.undo': row('config:deploy', 'target', HERE, machine),
  'backups.list': row('config:deploy', 'part', {}, machineToo),
  'backups.prune': row('config:deploy', 'workspace', { client_id: HERE.client_id }, machine),
  'doctor.examine': row('config:deploy', 'workspace', { client_id: HERE.client_id }, machine),
  'clients.explain': row('config:deploy', 'workspace', { client_id: HERE.client_id }, machineToo),
  'deployments.watch': row('config:deploy', 'workspace', { clients: ['cursor'], once: true }, machine),
  'deployments.pull': row('config:deploy', 'target', { ...HERE, server: 'http://127.0.0.1:9' }, machine),
  'deployments.unpull': row('config:deploy', 'target', HERE, machine),
  'agents.install': row('config:deploy', 'target', { ...HERE, server: 'http://127.0.0.1:9' }, machine),
  'keys.trust': row('keys:admin', 'workspace', { fingerprint: id }, machine),
  'keys.initialize': row('keys:admin', 'workspace'),
  'keys.list': row('config:read', 'all'),
  'tokens.create': row('tokens:admin', 'part', { scopes: ['config:read'] }, people),
  'tokens.list': row('tokens:admin', 'part', {}, people),
  'tokens.revoke': row('tokens:admin', 'part', { token_id: 'tok_none' }, people),
  'webhooks.subscribe': row(
    'webhooks:admin',
    'workspace',
    { url: 'https://x.example', events: ['key.rotated'] },
    people,
  ),
  'webhooks.list': row('webhooks:admin', 'workspace', {}, people),
  'webhooks.delete': row('webhooks:admin', 'workspace', hook, people),
  'webhooks.rotateSecret': row('webhooks:admin', 'workspace', hook, people),
  'webhooks.test': row('webhooks:admin', 'workspace', hook, people),
  'webhooks.listDeliveries': row('webhooks:admin', 'workspace', hook, people),
  'webhooks.replayDelivery': row('webhooks:admin', 'workspace', { ...hook, delivery_id: 'dlv_none' }, people),
  'workspaces.create': row('workspaces:admin', 'workspace', { workspace: 'team-c' }, machine),
  'workspaces.list': row('workspaces:admin', 'workspace', {}, people),
  'secrets.set': row('secrets:admin', 'workspace', { name: 'x', value: 'y' }, machine),
  'secrets.list': row('secrets:admin', 'workspace', {}, machine),
  'secrets.delete': row('secrets:admin', 'workspace', { name: 'x' }, machine),
  'clients.add': row('catalog:write', 'workspace', { definition: {} }, people),
  'clients.remove': row('catalog:write', 'workspace', { client_id: 'none' }, people),
  'catalog.addServer': row('catalog:write', 'workspace', { document: { name: 'com.example/x' } }, people),
  'catalog.fetchServer': row('catalog:write', 'workspace', { registry_name: 'com.example/x' }, people),
  'catalog.removeServer': row('catalog:write', 'workspace', { server_id: 'none' }, people),
  'registry.listServers': row('config:read', 'all'),
  'registry.listVersions': row('config:read', 'all', { name: 'com.example/x' }),
  'registry.getVersion': row('config:read', 'all', { name: 'com.example/x', version: 'latest' }),
  'capabilities.describe': row('config:read', 'all'),
  'batch.run': row('config:read', 'all', { items: [] }),
};

/** Calls that are about the installation although their operation is not. */
export const OF_INSTALLATION: readonly [id: string, input: Record<string, unknown>][] = [
  ['clients.list', { detect: true }],
  ['keys.initialize', { regenerate: true }],
];
