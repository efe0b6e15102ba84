import type {
  ArtifactRow,
  AuditRow,
  CatalogRow,
  DeploymentRow,
  DraftRow,
  EventRow,
  IdempotencyRow,
  KeyRow,
  LinkRow,
  PointerRow,
  ProfileRow,
  ReleaseRow,
  TokenRow,
  WebhookRow,
} from '../../src/stores/rows.ts';

/** One valid row of each noun, to be changed where a case needs it. */
export const T0 = '2026-11-22T10:00:00.000Z';
export const T1 = '2026-11-22T10:00:01.000Z';
export const W = 'default';
export const OTHER = 'acme';
/** Astral, combining, right-to-left, quotes, line ends, private use, and what SQL might take for its own. */
export const ODD = '𝒳🧑‍🚀 é مرحبا \' " \\ \r\n\t %s $1 ? :name \uE000 \u2028 --;';

export const draft = (more: Partial<DraftRow> = {}): DraftRow => ({
  client_id: 'cursor',
  profile_id: 'dev',
  revision: 1,
  payload: { mcpServers: { fs: { command: 'npx', args: ['-y', 'server'] } } },
  updated_at: T0,
  ...more,
});
export const profile = (more: Partial<ProfileRow> = {}): ProfileRow => ({
  client_id: 'cursor',
  profile_id: 'team-a',
  display_name: 'Team A',
  description: '',
  created_at: T0,
  ...more,
});
export const artifact = (artifact_id = 'a'.repeat(64), more: Partial<ArtifactRow> = {}): ArtifactRow => ({
  artifact_id,
  canonical: '{"mcpServers":{}}',
  created_at: T0,
  ...more,
});
export const release = (sequence: number, more: Partial<ReleaseRow> = {}): ReleaseRow => ({
  client_id: 'cursor',
  profile_id: 'dev',
  sequence,
  artifact_id: 'a'.repeat(64),
  version: '2026.11.22',
  previous_artifact_id: null,
  changelog: null,
  server_count: 2,
  policy_digest: null,
  signing_key_id: 'k1',
  issued_at: T0,
  expires_at: null,
  envelope: '{"payload":"e30="}',
  ...more,
});
export const pointer = (number: number, more: Partial<PointerRow> = {}): PointerRow => ({
  client_id: 'cursor',
  profile_id: 'dev',
  number,
  sequence: 1,
  artifact_id: 'a'.repeat(64),
  signing_key_id: 'k1',
  issued_at: T0,
  expires_at: '2026-12-22T10:00:00.000Z',
  envelope: '{"payload":"e30="}',
  ...more,
});
export const key = (more: Partial<KeyRow> = {}): KeyRow => ({
  key_id: 'k1',
  algorithm: 'ed25519',
  public_key_pem: '-----BEGIN PUBLIC KEY-----\n',
  status: 'active',
  created_at: T0,
  ...more,
});
export const token = (token_id: string, more: Partial<TokenRow> = {}): TokenRow => ({
  token_id,
  digest: `digest of ${token_id}`,
  name: 'laptop',
  kind: 'user',
  scopes: ['config:read', 'config:write'],
  client_id: null,
  profile_id: null,
  created_at: T0,
  expires_at: null,
  last_used_at: null,
  use_count: 0,
  revoked_at: null,
  ...more,
});
export const event = (more: Partial<Omit<EventRow, 'number'>> = {}): Omit<EventRow, 'number'> => ({
  type: 'config.published',
  time: T0,
  client_id: 'cursor',
  profile_id: 'dev',
  artifact_id: 'a'.repeat(64),
  sequence: 1,
  actor: 'local:me',
  data: { version: '1.0.0', server_count: 2, pinned: false },
  ...more,
});
export const link = (more: Partial<LinkRow> = {}): LinkRow => ({
  client_id: 'codex',
  profile_id: 'dev',
  source_client_id: 'cursor',
  source_profile_id: 'dev',
  created_at: T0,
  ...more,
});
export const deployment = (deployment_id: string, more: Partial<DeploymentRow> = {}): DeploymentRow => ({
  deployment_id,
  machine_id: 'm1',
  client_id: 'cursor',
  profile_id: 'dev',
  artifact_id: 'a'.repeat(64),
  sequence: 1,
  config_scope: 'user',
  config_path: '/home/a/.cursor/mcp.json',
  target_path: '/home/a/.cursor/mcp.json',
  pointer: '/mcpServers',
  project: null,
  explicit_path: false,
  previous_deployment_id: null,
  status: 'intent',
  pinned: false,
  before_sha256: null,
  after_sha256: 'b'.repeat(64),
  backup_path: null,
  renderer_version: '1',
  native_sha256: 'c'.repeat(64),
  ledger: { owned: { fs: { glue: [', '] } } },
  deployed_at: T0,
  ...more,
});
export const audit = (request_id: string, more: Partial<AuditRow> = {}): AuditRow => ({
  at: T0,
  operation: 'drafts.addServer',
  effect: 'write',
  actor: 'local:ada',
  door: 'cli',
  client_id: null,
  profile_id: null,
  request_id,
  facts: { revision: 3, pinned: true, artifact_id: null, status: 'added' },
  ...more,
});
export const idempotent = (
  key: string,
  more: Partial<IdempotencyRow> = {},
): Omit<IdempotencyRow, 'status' | 'body'> => ({
  actor: 'token:tok_1',
  key,
  request_sha256: 'd'.repeat(64),
  owner: `owner of ${key}`,
  lease_until: '2026-11-22T10:00:30.000Z',
  expires_at: '2026-11-23T10:00:00.000Z',
  ...more,
});
export const catalogRow = (version: string, more: Partial<CatalogRow> = {}): CatalogRow => ({
  registry: 'file',
  name: 'com.example/weather',
  version,
  server_id: 'weather',
  raw: { version, name: 'com.example/weather', description: 'Wörter 言葉', a: [1, null, { b: false }] },
  raw_sha256: 'e'.repeat(64),
  definition: { transports: [] },
  findings: [{ code: 'MISSING_SCHEMA' }],
  registry_meta: null,
  first_seen_at: T0,
  last_seen_at: T0,
  ...more,
});
export const webhook = (more: Partial<WebhookRow> = {}): WebhookRow => ({
  webhook_id: 'whk_1',
  url: 'https://hooks.example.com/one',
  events: ['config.published', 'key.rotated'],
  secret: 'made-up-secret',
  previous_secret: null,
  previous_until: null,
  created_at: T0,
  failures: 0,
  ...more,
});
