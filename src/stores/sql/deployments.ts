import { type Kysely, type Selectable, sql } from 'kysely';
import type { DeploymentRow, Store } from '../store.ts';
import { atomically, type Databases, nextNumber } from './databases.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'deployment_id',
  'machine_id',
  'client_id',
  'profile_id',
  'artifact_id',
  'sequence',
  'config_scope',
  'config_path',
  'target_path',
  'pointer',
  'status',
  'pinned',
  'before_sha256',
  'after_sha256',
  'backup_path',
  'renderer_version',
  'native_sha256',
  'ledger',
  'deployed_at',
] as const;

type StoredDeployment = Pick<Selectable<Tables['deployments']>, (typeof COLUMNS)[number]>;

function toDeployment({ pinned, ledger, ...row }: StoredDeployment): DeploymentRow {
  return { ...row, pinned: pinned === 1, ledger: JSON.parse(ledger) };
}

/** The status is written into the SQL text: only then does a database know that a partial index fits. */
function deploymentsOn(read: Kysely<Tables>, workspace: string, machine_id: string, status: 'intent' | 'done') {
  return read
    .selectFrom('deployments')
    .select(COLUMNS)
    .where('workspace', '=', workspace)
    .where('machine_id', '=', machine_id)
    .where('status', '=', sql.lit(status));
}

export function deploymentQueries({ read, write }: Databases): Store['deployments'] {
  return {
    insert: (workspace, row) =>
      atomically(write, async (trx) => {
        const number = await nextNumber(trx, workspace, 'deployments');
        const stored = { pinned: row.pinned ? 1 : 0, ledger: JSON.stringify(row.ledger ?? null) };
        await trx
          .insertInto('deployments')
          .values({ ...row, ...stored, workspace, number })
          .execute();
      }),

    async setStatus(workspace, deployment_id, status) {
      await write
        .updateTable('deployments')
        .set({ status })
        .where('workspace', '=', workspace)
        .where('deployment_id', '=', deployment_id)
        .execute();
    },

    async current(workspace, machine_id, { config_path, target_path }, pointer) {
      const row = await deploymentsOn(read, workspace, machine_id, 'done')
        .where((is) => is.or([is('target_path', '=', target_path), is('config_path', '=', config_path)]))
        .where('pointer', '=', pointer)
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toDeployment(row);
    },

    async latestOf(workspace, machine_id, client_id, profile_id) {
      const row = await deploymentsOn(read, workspace, machine_id, 'done')
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toDeployment(row);
    },

    async unsettled(workspace, machine_id) {
      const rows = await deploymentsOn(read, workspace, machine_id, 'intent').orderBy('number').execute();
      return rows.map(toDeployment);
    },
  };
}
