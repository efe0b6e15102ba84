import { type Kysely, type Selectable, sql } from 'kysely';
import type { DeploymentRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases, nextNumber, ONE } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';
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
  'project',
  'explicit_path',
  'previous_deployment_id',
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

function toDeployment({ pinned, explicit_path, ledger, ...row }: StoredDeployment): DeploymentRow {
  return { ...row, pinned: pinned === 1, explicit_path: explicit_path === 1, ledger: JSON.parse(ledger) };
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

/**
 * The newest of each pointer in a file, by either of its paths: no other can be the current one. Found in an index, so that
 * a file that was written a thousand times is not asked about each of them.
 */
function lastNumbers(read: Kysely<Tables>, workspace: string, machine_id: string) {
  return (column: 'target_path' | 'config_path', path: string) =>
    read
      .selectFrom('deployments as of_file')
      .select(({ fn }) => fn.max('of_file.number').as('number'))
      .where('of_file.workspace', '=', workspace)
      .where('of_file.machine_id', '=', machine_id)
      .where('of_file.status', '=', sql.lit('done' as const))
      .where(`of_file.${column}`, '=', path)
      .groupBy('of_file.pointer');
}

export function deploymentQueries({ read, write }: Databases): Store['deployments'] {
  return {
    insert: (workspace, row) =>
      atomically(write, async (trx) => {
        const number = await nextNumber(trx, workspace, 'deployments');
        const stored = {
          pinned: row.pinned ? 1 : 0,
          explicit_path: row.explicit_path ? 1 : 0,
          ledger: JSON.stringify(row.ledger ?? null),
        };
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
        .limit(ONE)
        .executeTakeFirst();
      return row && toDeployment(row);
    },

    async latestOf(workspace, machine_id, client_id, profile_id) {
      const row = await deploymentsOn(read, workspace, machine_id, 'done')
        .where('client_id', '=', client_id)
        .where('profile_id', '=', profile_id)
        .orderBy('number', 'desc')
        .limit(ONE)
        .executeTakeFirst();
      return row && toDeployment(row);
    },

    async get(workspace, deployment_id) {
      const row = await read
        .selectFrom('deployments')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('deployment_id', '=', deployment_id)
        .executeTakeFirst();
      return row && toDeployment(row);
    },

    async list(workspace, machine_id, { client_id, profile_id }, page) {
      let finished = read
        .selectFrom('deployments')
        .select([...COLUMNS, 'number'])
        .where('workspace', '=', workspace)
        .where('machine_id', '=', machine_id)
        .where('status', 'in', ['done', 'undone']);
      if (client_id !== undefined) finished = finished.where('client_id', '=', client_id);
      if (profile_id !== undefined) finished = finished.where('profile_id', '=', profile_id);
      const rows = await finished
        .where('number', '<', beforeNumber('deployments', page.cursor))
        .orderBy('number', 'desc')
        .limit(page.limit + 1)
        .execute();
      return pageOf('deployments', rows, page, ({ number: _, ...row }) => toDeployment(row));
    },

    async currents(workspace, machine_id, file) {
      let done = deploymentsOn(read, workspace, machine_id, 'done');
      if (file) {
        const { config_path, target_path } = file;
        const last = lastNumbers(read, workspace, machine_id);
        done = done.where((is) =>
          is('number', 'in', last('target_path', target_path).union(last('config_path', config_path))),
        );
      }
      const rows = await done
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('deployments as later')
                .select('later.number')
                .where('later.workspace', '=', workspace)
                .where('later.machine_id', '=', machine_id)
                .where('later.status', '=', sql.lit('done' as const))
                // As in `current`: by the file behind all links, or by the path that the person knows.
                .where((is) =>
                  is.or([
                    is('later.target_path', '=', is.ref('deployments.target_path')),
                    is('later.config_path', '=', is.ref('deployments.config_path')),
                  ]),
                )
                .whereRef('later.pointer', '=', 'deployments.pointer')
                .whereRef('later.number', '>', 'deployments.number'),
            ),
          ),
        )
        .orderBy('client_id')
        .orderBy('config_path')
        .execute();
      return rows.map(toDeployment);
    },

    async backedUp(workspace, machine_id) {
      const rows = await read
        .selectFrom('deployments')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('machine_id', '=', machine_id)
        .where('backup_path', 'is not', null)
        .orderBy('number')
        .execute();
      return rows.map(toDeployment);
    },

    async unsettled(workspace, machine_id) {
      const rows = await deploymentsOn(read, workspace, machine_id, 'intent').orderBy('number').execute();
      return rows.map(toDeployment);
    },
  };
}
