import type { Insertable, Kysely } from 'kysely';
import type { ReleaseRow } from '../rows.ts';
import type { Store } from '../store.ts';
import { type Databases, ONE } from './databases.ts';
import { beforeNumber, pageOf } from './pages.ts';
import { PROFILE_KEY, type ProfileKey, prepared, preparedChange } from './prepared.ts';
import type { Tables } from './schema.ts';

const COLUMNS = [
  'client_id',
  'profile_id',
  'sequence',
  'artifact_id',
  'version',
  'previous_artifact_id',
  'changelog',
  'server_count',
  'policy_digest',
  'signing_key_id',
  'issued_at',
  'expires_at',
  'envelope',
] as const;

function releasesOf(read: Kysely<Tables>, workspace: string, client_id: string, profile_id: string) {
  return read
    .selectFrom('releases')
    .where('workspace', '=', workspace)
    .where('client_id', '=', client_id)
    .where('profile_id', '=', profile_id);
}

const latest = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  releasesOf(db, workspace, client_id, profile_id).select(COLUMNS).orderBy('sequence', 'desc').limit(ONE),
);

const STORED = ['workspace', ...COLUMNS] as const;
type StoredRelease = Insertable<Tables['releases']>;

/**
 * Inserts a release if it `follows` the latest one, of which it is told the number. Releases are never changed or removed,
 * so a predecessor that was seen once is there for good.
 */
const inserting = (operator: '=' | '<') =>
  preparedChange([...STORED, 'before'], (db, { before, ...blank }: StoredRelease & { before: number }) => {
    const { workspace, client_id, profile_id } = blank;
    return db
      .insertInto('releases')
      .columns(STORED)
      .expression(
        db
          .selectNoFrom((eb) => STORED.map((column) => eb.val(blank[column]).as(column)))
          .where((eb) =>
            eb(
              eb.fn.coalesce(
                releasesOf(db, workspace, client_id, profile_id).select(({ fn }) => fn.max('sequence').as('sequence')),
                eb.lit(0),
              ),
              operator,
              before,
            ),
          ),
      )
      .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id', 'sequence']).doNothing());
  });
const insertNext = inserting('=');
const insertLater = inserting('<');

/**
 * The profiles of a client that have releases, found by leaps through the index: the cost is that of the profiles, not
 * of all their releases. The last row is null.
 */
function releasedProfiles(read: Kysely<Tables>, workspace: string, client_id: string) {
  return read.withRecursive('released(profile_id)', (db) => {
    const first = db
      .selectFrom('releases')
      .select(({ fn }) => fn.min<string | null>('profile_id').as('profile_id'))
      .where('workspace', '=', workspace)
      .where('client_id', '=', client_id);
    const following = db
      .selectFrom('released')
      .select((eb) =>
        eb
          .selectFrom('releases')
          .select(({ fn }) => fn.min<string | null>('releases.profile_id').as('profile_id'))
          .where('workspace', '=', workspace)
          .where('client_id', '=', client_id)
          .whereRef('releases.profile_id', '>', 'released.profile_id')
          .as('profile_id'),
      )
      .where('released.profile_id', 'is not', null);
    return first.unionAll(following);
  });
}

/** Ordered by the leaps, not by the releases: else SQLite would start with the releases, all of them. */
async function latestOfClient(read: Kysely<Tables>, workspace: string, client_id: string): Promise<ReleaseRow[]> {
  const rows = await releasedProfiles(read, workspace, client_id)
    .selectFrom('released')
    .innerJoin('releases', (join) =>
      join
        .on('releases.workspace', '=', workspace)
        .on('releases.client_id', '=', client_id)
        .onRef('releases.profile_id', '=', 'released.profile_id')
        .on('releases.sequence', '=', (eb) =>
          eb
            .selectFrom('releases as all')
            .select(({ fn }) => fn.max('all.sequence').as('sequence'))
            .where('all.workspace', '=', workspace)
            .where('all.client_id', '=', client_id)
            .whereRef('all.profile_id', '=', 'released.profile_id'),
        ),
    )
    .select(COLUMNS.map((column) => `releases.${column}` as const))
    .orderBy('released.profile_id')
    .execute();
  return rows.map((row) => ({ ...row }));
}

export function releaseQueries({ read, write }: Databases): Store['releases'] {
  return {
    append: (workspace, row) => insertNext(write, { ...row, workspace, before: row.sequence - 1 }),
    adopt: (workspace, row) => insertLater(write, { ...row, workspace, before: row.sequence }),
    latestOfClient: (workspace, client_id) => latestOfClient(read, workspace, client_id),

    async latest(workspace, client_id, profile_id) {
      const [row] = await latest(read, { workspace, client_id, profile_id });
      return row && { ...row };
    },

    async bySequence(workspace, client_id, profile_id, sequence) {
      const row = await releasesOf(read, workspace, client_id, profile_id)
        .select(COLUMNS)
        .where('sequence', '=', sequence)
        .executeTakeFirst();
      return row && { ...row };
    },

    async carrying(workspace, client_id, profile_id, artifact_id) {
      const row = await releasesOf(read, workspace, client_id, profile_id)
        .select(COLUMNS)
        .where('artifact_id', '=', artifact_id)
        .orderBy('sequence', 'desc')
        .limit(ONE)
        .executeTakeFirst();
      return row && { ...row };
    },

    async ofArtifact(workspace, artifact_id, limit, { client_id, profile_id } = {}) {
      const rows = await read
        .selectFrom('releases')
        .select(COLUMNS)
        .where('workspace', '=', workspace)
        .where('artifact_id', '=', artifact_id)
        .$if(client_id !== undefined, (query) => query.where('client_id', '=', client_id ?? ''))
        .$if(profile_id !== undefined, (query) => query.where('profile_id', '=', profile_id ?? ''))
        .orderBy('client_id')
        .orderBy('profile_id')
        .orderBy('sequence')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...row }));
    },

    async list(workspace, client_id, profile_id, page) {
      const rows = await releasesOf(read, workspace, client_id, profile_id)
        .select(COLUMNS)
        .where('sequence', '<', beforeNumber('releases', page.cursor))
        .orderBy('sequence', 'desc')
        .limit(page.limit + 1)
        .execute();
      const numbered = rows.map((row) => ({ number: row.sequence, row: { ...row } }));
      return pageOf('releases', numbered, page, ({ row }) => row);
    },
  };
}
