import { DatabaseSync } from 'node:sqlite';

/**
 * What the launcher reads of the store, without the query builder: it runs before every start of a server, and loading
 * the builder would take longer than all of its work. Read only; a test holds it to what the store writes.
 */
export interface LaunchPlace {
  machine_id: string;
  client_id: string;
  profile_id: string;
  config_scope: string;
  project: string | null;
  /** The file, when the deployment named it. */
  config_path: string | null;
}

export interface LaunchRow {
  deployment_id: string;
  client_id: string;
  profile_id: string;
  artifact_id: string;
  sequence: number;
  config_path: string;
  target_path: string;
  pointer: string;
  after_sha256: string;
  ledger: string;
}

export interface LaunchRelease {
  envelope: string;
  canonical: string;
}

export interface LaunchKey {
  key_id: string;
  algorithm: 'ed25519' | 'ecdsa-p256';
  public_key_pem: string;
  status: 'active' | 'retired' | 'revoked';
}

export interface LaunchReader {
  /** The newest deployment into that place: finished, or begun and not yet settled. */
  newest(place: LaunchPlace, status: 'done' | 'intent'): (LaunchRow & { number: number }) | undefined;
  /** The deployment that is in force in the file and pointer of a row. */
  owner(machine_id: string, row: LaunchRow): LaunchRow | undefined;
  release(row: LaunchRow): LaunchRelease | undefined;
  keys(): LaunchKey[];
  close(): void;
}

const WORKSPACE = 'default';
const COLUMNS = `deployment_id, client_id, profile_id, artifact_id, sequence, config_path, target_path, pointer,
  after_sha256, ledger, number`;

/** Throws what node:sqlite throws when there is no database, or none that can be read. */
export function openLaunchReader(path: string): LaunchReader {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  // The file is first read by a statement: one that is no database of ours shows itself here, and not in the middle.
  try {
    database.prepare('select 1 from deployments');
  } catch (error) {
    database.close();
    throw error;
  }
  const get = <T>(sql: string, ...values: (string | number | null)[]) =>
    database.prepare(sql).get(...values) as T | undefined;
  return {
    newest: ({ machine_id, client_id, profile_id, config_scope, project, config_path }, status) =>
      get(
        `select ${COLUMNS} from deployments where workspace = ? and machine_id = ? and client_id = ? and profile_id = ?
           and config_scope = ? and project is ? and explicit_path = ? and (? is null or config_path = ?) and status = ?
         order by number desc limit 1`,
        WORKSPACE,
        machine_id,
        client_id,
        profile_id,
        config_scope,
        project,
        config_path === null ? 0 : 1,
        config_path,
        config_path,
        status,
      ),
    owner: (machine_id, { target_path, config_path, pointer }) =>
      get(
        `select ${COLUMNS} from deployments where workspace = ? and machine_id = ? and (target_path = ? or config_path = ?)
           and pointer = ? and status = 'done' order by number desc limit 1`,
        WORKSPACE,
        machine_id,
        target_path,
        config_path,
        pointer,
      ),
    release: ({ client_id, profile_id, sequence, artifact_id }) =>
      get(
        `select envelope, canonical from releases join artifacts
           on artifacts.workspace = releases.workspace and artifacts.artifact_id = releases.artifact_id
         where releases.workspace = ? and client_id = ? and profile_id = ? and sequence = ? and releases.artifact_id = ?`,
        WORKSPACE,
        client_id,
        profile_id,
        sequence,
        artifact_id,
      ),
    keys: () =>
      database
        .prepare('select key_id, algorithm, public_key_pem, status from keys where workspace = ?')
        .all(WORKSPACE) as unknown as LaunchKey[],
    close: () => database.close(),
  };
}
