import type {
  ArtifactRow,
  AuditRow,
  DeploymentRow,
  DraftRow,
  EventRow,
  IdempotencyRow,
  KeyRow,
  LinkRow,
  ProfileRow,
  ReleaseRow,
  TokenRow,
} from '../store.ts';

/**
 * The tables as Kysely sees them: the rows of the port with the workspace in front. JSON is text and a truth value is
 * 0 or 1, in every database, so that the queries need not know which one they talk to.
 */
type Stored<Row, Json extends keyof Row = never> = { workspace: string } & Omit<Row, Json> & Record<Json, string>;
/** `number` gives the order of insertion, which clocks cannot. */
type Numbered = { number: number };

export interface Tables {
  drafts: Stored<DraftRow, 'payload'>;
  profiles: Stored<ProfileRow>;
  artifacts: Stored<ArtifactRow>;
  releases: Stored<ReleaseRow>;
  links: Stored<LinkRow>;
  keys: Stored<KeyRow>;
  tokens: Stored<TokenRow, 'scopes'> & Numbered;
  deployments: Omit<Stored<DeploymentRow, 'ledger'>, 'pinned' | 'explicit_path'> &
    Numbered & { pinned: number; explicit_path: number };
  audit: Stored<AuditRow, 'facts'> & Numbered;
  events: Stored<Omit<EventRow, 'number'>, 'data'> & Numbered;
  idempotency: Stored<IdempotencyRow>;
  counters: { workspace: string; counter: string; value: number };
}
