import type { Operation } from './operation.ts';

/** The modules that hold operations, loaded one by one: a short command needs the schemas of its own and no others. */
const NOUNS: Readonly<Record<string, () => Promise<object>>> = {
  clients: () => import('./clients.ts'),
  'client-definitions': () => import('./client-definitions.ts'),
  'server-descriptions': () => import('./server-descriptions.ts'),
  servers: () => import('./servers.ts'),
  catalog: () => import('./catalog.ts'),
  'catalog-removal': () => import('./catalog-removal.ts'),
  registry: () => import('./registry.ts'),
  drafts: () => import('./drafts.ts'),
  gateways: () => import('./gateways.ts'),
  validation: () => import('./validation.ts'),
  changes: () => import('./changes.ts'),
  imports: () => import('./imports.ts'),
  releases: () => import('./releases.ts'),
  publish: () => import('./publish.ts'),
  native: () => import('./native.ts'),
  artifacts: () => import('./artifacts.ts'),
  links: () => import('./links.ts'),
  comparison: () => import('./comparison.ts'),
  deployments: () => import('./deployments.ts'),
  'deploy-all': () => import('./deploy-all.ts'),
  deployed: () => import('./deployed.ts'),
  drift: () => import('./drift.ts'),
  watch: () => import('./watch.ts'),
  undo: () => import('./undo.ts'),
  backups: () => import('./backups.ts'),
  doctor: () => import('./doctor.ts'),
  explain: () => import('./explain.ts'),
  pull: () => import('./pull.ts'),
  keys: () => import('./keys.ts'),
  trust: () => import('./trust.ts'),
  agent: () => import('./agent.ts'),
  tokens: () => import('./tokens.ts'),
  webhooks: () => import('./webhooks.ts'),
  workspaces: () => import('./workspaces.ts'),
  secrets: () => import('./secrets.ts'),
  capabilities: () => import('./capabilities.ts'),
};

export const nouns = (): string[] => Object.keys(NOUNS);

/** The operations of one noun: whatever its module exports as one. */
export async function operationsOf(noun: string): Promise<readonly Operation[]> {
  return Object.values((await NOUNS[noun]?.()) ?? {}).filter(isOperation);
}

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'id' in value && 'run' in value && 'permission' in value;
