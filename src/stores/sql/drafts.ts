import type { Insertable } from 'kysely';
import type { Store } from '../store.ts';
import type { Databases } from './databases.ts';
import { PROFILE_KEY, type ProfileKey, prepared, preparedChange } from './prepared.ts';
import type { Tables } from './schema.ts';

type StoredDraft = Insertable<Tables['drafts']>;

const COLUMNS = ['client_id', 'profile_id', 'revision', 'payload', 'updated_at'] as const;

const ofProfile = prepared(PROFILE_KEY, (db, { workspace, client_id, profile_id }: ProfileKey) =>
  db
    .selectFrom('drafts')
    .select(COLUMNS)
    .where('workspace', '=', workspace)
    .where('client_id', '=', client_id)
    .where('profile_id', '=', profile_id),
);

const insert = preparedChange(['workspace', ...COLUMNS], (db, blank: StoredDraft) =>
  db
    .insertInto('drafts')
    .values(blank)
    .onConflict((conflict) => conflict.columns(['workspace', 'client_id', 'profile_id']).doNothing()),
);

const update = preparedChange(
  ['workspace', ...COLUMNS, 'before'],
  (db, { workspace, client_id, profile_id, before, ...changed }: StoredDraft & { before: number }) =>
    db
      .updateTable('drafts')
      .set(changed)
      .where('workspace', '=', workspace)
      .where('client_id', '=', client_id)
      .where('profile_id', '=', profile_id)
      .where('revision', '=', before),
);

export function draftQueries({ read, write }: Databases): Store['drafts'] {
  return {
    async get(workspace, client_id, profile_id) {
      const [row] = await ofProfile(read, { workspace, client_id, profile_id });
      return row && { ...row, payload: JSON.parse(row.payload) };
    },

    async save(workspace, row) {
      const stored = { ...row, workspace, payload: JSON.stringify(row.payload) };
      return row.revision === 1 ? insert(write, stored) : update(write, { ...stored, before: row.revision - 1 });
    },
  };
}
