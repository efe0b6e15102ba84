import { z } from 'zod';
import { reaches } from '../core/binding.ts';
import { ClientId, Timestamp } from '../core/ids.ts';
import { removeBackups, type StoredBackup, storedBackups } from '../io/client-files/backup.ts';
import type { DeploymentRow } from '../stores/rows.ts';
import { type Context, defineOperation } from './operation.ts';
import { type Ledger, underWriterLock } from './rollout/ledger.ts';
import { assertMayWriteHere, neededBackups } from './rollout/write.ts';
import { findClient } from './shapes.ts';

/** The copies of client files that deployments and undos made before they wrote. */

const Backup = z.object({
  backup_path: z.string(),
  config_path: z.string().nullable(),
  client_id: ClientId.nullable(),
  deployment_id: z.string().nullable().meta({ description: 'The deployment that was written, or undone, after it.' }),
  created_at: Timestamp,
  size: z.int(),
  sha256: z.string(),
  verified: z.boolean().meta({ description: 'It is, byte for byte, the file that was kept.' }),
});

/** Every copy, with the deployment that it was made for; those that the ledger does not know have none. */
async function allBackups({
  store,
  workspace,
  services,
  progress,
}: Context): Promise<[StoredBackup, DeploymentRow | undefined][]> {
  const { machine_id } = await services.machine();
  const rows = await store.deployments.backedUp(workspace, machine_id);
  const byPath = new Map(rows.map((row) => [row.backup_path, row]));
  progress?.('Comparing every backup with what was recorded');
  const stored = await storedBackups(services.backups_dir);
  return stored.map((backup) => [backup, byPath.get(backup.path)]);
}

export const listBackups = defineOperation({
  id: 'backups.list',
  summary: 'List the copies of client files that were made before they were changed, the newest first',
  description: 'Each is compared with what was recorded when it was made.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({ backups: z.array(Backup), count: z.int() }),
  errors: [],
  permission: { needs: 'config:deploy', bound: 'narrowed', installation: true },
  rest: { method: 'GET', path: '/v1/backups' },
  mcp: { tool: 'list_backups', toolset: 'machine' },
  cli: {
    verb: 'list-backups',
    text: ({ backups, count }, style) => ({
      out:
        count === 0
          ? 'There are no backups.'
          : style.table(
              ['made', 'client', 'of', 'bytes', 'verified', 'backup'],
              backups.map((backup) => [
                backup.created_at,
                backup.client_id ?? '',
                backup.config_path ?? '',
                String(backup.size),
                backup.verified ? style.good('yes') : style.bad('no'),
                backup.backup_path,
              ]),
            ),
      note: '',
    }),
  },
  async run(context) {
    const { binding } = context.principal;
    const visible = (await allBackups(context)).filter(([, row]) => reaches(binding, row ?? {}));
    const backups = visible.toReversed().map(([{ path, created_at, size, sha256 }, row]) => ({
      backup_path: path,
      config_path: row?.config_path ?? null,
      client_id: row?.client_id ?? null,
      deployment_id: row ? ((row.ledger as Ledger).undoes ?? row.deployment_id) : null,
      created_at,
      size,
      sha256,
      verified: row?.before_sha256 === sha256,
    }));
    return { backups, count: backups.length };
  },
});

/** All but the newest of each file, and never one that is needed. With a client: only files that it was deployed to. */
function spare(
  backups: readonly [StoredBackup, DeploymentRow | undefined][],
  { keep, client_id, needed }: { keep: number; client_id: string | undefined; needed: ReadonlySet<string> },
): string[] {
  const files = Map.groupBy(backups, ([backup]) => backup.of);
  const concerned = [...files.values()].filter(
    (copies) => client_id === undefined || copies.some(([, row]) => row?.client_id === client_id),
  );
  return concerned
    .flatMap((copies) => copies.slice(0, Math.max(0, copies.length - keep)))
    .map(([{ path }]) => path)
    .filter((path) => !needed.has(path));
}

export const pruneBackups = defineOperation({
  id: 'backups.prune',
  summary: 'Take away old backups of client files',
  description: 'The newest of each file stay, and always the one that undoing what is in force now needs.',
  effect: 'delete',
  transaction: 'own',
  idempotent: true,
  input: z.strictObject({
    keep: z.int().min(0).max(1000).default(5).meta({ description: 'How many stay of each file.' }),
    client_id: ClientId.optional().meta({ description: 'Only files of this client; all of them when left out.' }),
  }),
  output: z.object({ status: z.literal('pruned'), removed: z.array(z.string()), kept: z.int() }),
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, bound: 'never', installation: true },
  rest: { method: 'POST', path: '/v1/backups/prune' },
  mcp: { tool: 'prune_backups', toolset: 'machine' },
  cli: {
    verb: 'prune-backups',
    flags: { client_id: 'client' },
    text: ({ removed, kept }, style) => ({ out: `${style.good('Pruned')}: ${removed.length} removed, ${kept} kept` }),
  },
  async run(context, { keep, client_id }) {
    assertMayWriteHere(context, 'prune-backups');
    if (client_id !== undefined) await findClient(context, client_id);
    const { services, store, workspace } = context;
    // Under the lock: a copy that was just made is not yet in the ledger of the deployment that needs it.
    return underWriterLock(context, async () => {
      const { machine_id } = await services.machine();
      const backups = await allBackups(context);
      const needed = await neededBackups(context, machine_id);
      const removed = spare(backups, { keep, client_id, needed });
      await removeBackups(removed);
      await store.audit.append(workspace, context.auditRow({ status: 'pruned', removed: removed.length }));
      return { status: 'pruned' as const, removed, kept: backups.length - removed.length };
    });
  },
});
