import type { Kysely } from 'kysely';
import type { IdempotencyOwner } from '../rows.ts';
import type { Store } from '../store.ts';
import { atomically, type Databases } from './databases.ts';
import type { Tables } from './schema.ts';

const COLUMNS = ['actor', 'key', 'request_sha256', 'owner', 'lease_until', 'expires_at', 'status', 'body'] as const;
/** More than one for each row that comes, so that they grow fewer; few enough that no request waits for them. */
const REMOVED_AT_ONCE = 20;

export function idempotencyQueries({ write }: Databases): Store['idempotency'] {
  /** The row of an owner that has not settled it yet. */
  const update = (workspace: string, { actor, key, owner }: IdempotencyOwner) =>
    write
      .updateTable('idempotency')
      .where('workspace', '=', workspace)
      .where('actor', '=', actor)
      .where('key', '=', key)
      .where('owner', '=', owner)
      .where('status', 'is', null);

  return {
    begin: (workspace, row, at) =>
      atomically(write, async (trx) => {
        const { actor, key, ...taken } = { ...row, status: null, body: null };
        const inserted = await trx
          .insertInto('idempotency')
          .values({ ...taken, workspace, actor, key })
          .onConflict((conflict) =>
            conflict
              .columns(['workspace', 'actor', 'key'])
              .doUpdateSet(taken)
              .where((eb) =>
                eb.or([
                  eb('idempotency.expires_at', '<=', at),
                  eb.and([
                    eb('idempotency.status', 'is', null),
                    eb('idempotency.lease_until', '<=', at),
                    eb('idempotency.request_sha256', '=', row.request_sha256),
                  ]),
                ]),
              ),
          )
          .executeTakeFirst();
        if (inserted.numInsertedOrUpdatedRows === 1n) {
          await removeExpired(trx, workspace, at);
          return undefined;
        }
        const found = await trx
          .selectFrom('idempotency')
          .select(COLUMNS)
          .where('workspace', '=', workspace)
          .where('actor', '=', actor)
          .where('key', '=', key)
          .executeTakeFirstOrThrow();
        return { ...found };
      }),

    async renew(workspace, of, lease_until) {
      const updated = await update(workspace, of).set({ lease_until }).executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },

    async settle(workspace, of, answer) {
      const updated = await update(workspace, of).set(answer).executeTakeFirst();
      return updated.numUpdatedRows === 1n;
    },

    async release(workspace, { actor, key, owner }) {
      const removed = await write
        .deleteFrom('idempotency')
        .where('workspace', '=', workspace)
        .where('actor', '=', actor)
        .where('key', '=', key)
        .where('owner', '=', owner)
        .where('status', 'is', null)
        .executeTakeFirst();
      return removed.numDeletedRows === 1n;
    },
  };
}

async function removeExpired(trx: Kysely<Tables>, workspace: string, at: string): Promise<void> {
  await trx
    .deleteFrom('idempotency')
    .where('workspace', '=', workspace)
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('actor', 'key'),
        'in',
        selectFrom('idempotency as old')
          .select(['old.actor', 'old.key'])
          .where('old.workspace', '=', workspace)
          .where('old.expires_at', '<=', at)
          .orderBy('old.expires_at')
          .limit(REMOVED_AT_ONCE)
          .$asTuple('actor', 'key'),
      ),
    )
    .execute();
}
