/** What a credential may do (SECURITY-BAR section 5). Public words: they appear in tokens, OpenAPI and audit rows. */
export const SCOPES = [
  'config:read',
  'config:write',
  'config:approve',
  'config:publish',
  'config:deploy',
  'catalog:write',
  'policy:admin',
  'keys:admin',
  'secrets:admin',
  'audit:read',
  'events:read',
  'metrics:read',
  'webhooks:admin',
  'tokens:admin',
  'workspaces:admin',
] as const;
export type Scope = (typeof SCOPES)[number];

const viewer = ['config:read', 'events:read'] as const;
export const ROLES = {
  viewer,
  editor: [...viewer, 'config:write'],
  publisher: [...viewer, 'config:write', 'config:publish'],
  deployer: [...viewer, 'config:deploy'],
  approver: [...viewer, 'config:approve'],
  auditor: [...viewer, 'audit:read'],
  admin: SCOPES,
} as const satisfies Record<string, readonly Scope[]>;

/** A scope that includes another: who may change a draft may look at it. */
const IMPLIES: readonly (readonly [Scope, implied: Scope])[] = [['config:write', 'config:read']];

export function expandScopes(scopes: Iterable<Scope>): Set<Scope> {
  const all = new Set(scopes);
  for (const [scope, implied] of IMPLIES) if (all.has(scope)) all.add(implied);
  return all;
}

/** The most that a credential of kind `agent` can ever do: read, draft, validate, diff. */
export const AGENT_SCOPES: ReadonlySet<Scope> = new Set(['config:read', 'config:write', 'events:read']);
