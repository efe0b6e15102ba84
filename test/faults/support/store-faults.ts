import { DatabaseSync } from 'node:sqlite';

const named = (from: string) =>
  `select workspace || '/' || client_id || '/' || profile_id || '/' || sequence as what from ${from}`;
const PUBLISHED = "events where type = 'config.published'";
const AUDITED = `select workspace || '/' || client_id || '/' || profile_id || '/' || json_extract(facts, '$.sequence') as what
  from audit where operation in ('releases.publish', 'releases.revert')`;
const tokensIn = (operation: string) =>
  `select json_extract(facts, '$.token_id') as what from audit where operation = '${operation}'`;
const REVOKED = 'select token_id as what from tokens where revoked_at is not null';

/**
 * What must be true of a store at rest, whatever happened to its processes: a release, its artifact, its audit row, its
 * event and its draft change in one transaction, and numbers have no gaps. Each query gives the rows that are wrong.
 */
const WRONG: Readonly<Record<string, string>> = {
  'a damaged page': "select integrity_check as what from pragma_integrity_check where integrity_check <> 'ok'",
  'a reference to nothing': 'select "table" as what from pragma_foreign_key_check',
  'a gap in the sequence of a profile': `select client_id || '/' || profile_id as what from releases
    group by workspace, client_id, profile_id having min(sequence) <> 1 or max(sequence) <> count(*)`,
  'a release that does not name the one before': `select what from (select client_id || '/' || sequence as what,
    previous_artifact_id as said, lag(artifact_id) over (partition by workspace, client_id, profile_id order by sequence) as was
    from releases) where said is not was`,
  'a release without its audit row': `${named('releases')} except ${AUDITED}`,
  'an audit row without its release': `${AUDITED} except ${named('releases')}`,
  // Only the newest events are kept.
  'a release without its event': `${named('releases where issued_at > (select min(time) from events)')}
    except ${named(PUBLISHED)}`,
  'an event without its release': `${named(PUBLISHED)} except ${named('releases')}`,
  'a draft that was changed without an event': `select client_id as what from drafts d where revision <>
    (select count(*) from events e where e.workspace = d.workspace and e.client_id = d.client_id
      and e.profile_id = d.profile_id and e.type = 'config.draft_changed') and (select min(number) from events) = 1`,
  'a token without its audit row': `select token_id as what from tokens except ${tokensIn('tokens.create')}`,
  'a revocation without its audit row': `${REVOKED} except ${tokensIn('tokens.revoke')}`,
  'an audit row without its revocation': `${tokensIn('tokens.revoke')} except ${REVOKED}`,
  'a gap in the audit': 'select workspace as what from audit group by workspace having max(number) <> count(*)',
  'a gap in the events': `select workspace as what from events group by workspace
    having max(number) - min(number) + 1 <> count(*)`,
  'a counter that is not that of its table': `select counter as what from counters c where
    (counter = 'audit' and value <> (select max(number) from audit a where a.workspace = c.workspace)) or
    (counter = 'events' and value <> (select max(number) from events e where e.workspace = c.workspace))`,
};

/** The faults of a database file, each with a few of its rows. */
export function faultsOf(file: string): string[] {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    return Object.entries(WRONG).flatMap(([fault, sql]) => {
      const rows = database.prepare(sql).all();
      return rows.length === 0 ? [] : [`${fault}: ${rows.slice(0, 3).map(({ what }) => what)} (${rows.length})`];
    });
  } finally {
    database.close();
  }
}
