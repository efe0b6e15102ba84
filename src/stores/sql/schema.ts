import type {
  ArtifactRow,
  AuditRow,
  CatalogRow,
  ClientRow,
  DeliveryRow,
  DeploymentRow,
  DraftRow,
  EventRow,
  IdempotencyRow,
  KeyRow,
  LinkRow,
  PinRow,
  PointerRow,
  ProfileRow,
  PullRow,
  ReleaseRow,
  TokenRow,
  WebhookRow,
  WorkspaceRow,
} from '../rows.ts';

/**
 * The tables as Kysely sees them: the rows of the port with the workspace in front. JSON is text and a truth value is
 * 0 or 1, in every database, so that the queries need not know which one they talk to.
 */
type Stored<Row, Json extends keyof Row = never> = { workspace: string } & Omit<Row, Json> & Record<Json, string>;
/** `number` gives the order of insertion, which clocks cannot. */
type Numbered = { number: number };

export interface Tables {
  catalog: Stored<CatalogRow, 'raw' | 'definition' | 'findings' | 'registry_meta'> & Numbered;
  clients: Stored<ClientRow, 'definition'>;
  drafts: Stored<DraftRow, 'payload'>;
  profiles: Stored<ProfileRow>;
  artifacts: Stored<ArtifactRow>;
  releases: Stored<ReleaseRow>;
  pointers: Stored<PointerRow>;
  pins: Stored<PinRow>;
  pulls: Stored<PullRow>;
  links: Stored<LinkRow>;
  keys: Stored<KeyRow>;
  tokens: Stored<TokenRow, 'scopes'> & Numbered;
  deployments: Omit<Stored<DeploymentRow, 'ledger'>, 'pinned' | 'explicit_path'> &
    Numbered & { pinned: number; explicit_path: number };
  audit: Stored<AuditRow, 'facts'> & Numbered;
  events: Stored<Omit<EventRow, 'number'>, 'data'> & Numbered;
  idempotency: Stored<IdempotencyRow>;
  /** The lease is of the webhook, because it has one delivery at a time. `claimed_at`: its last turn. */
  webhooks: Stored<WebhookRow, 'events'> &
    Numbered & { lease_owner: string | null; lease_until: string | null; claimed_at: string | null };
  /** The number is that of the event. */
  deliveries: Stored<DeliveryRow, 'event'> & Numbered;
  /** `workspace` is the one that the row is about. */
  workspaces: WorkspaceRow & Numbered;
  counters: { workspace: string; counter: string; value: number };
}
