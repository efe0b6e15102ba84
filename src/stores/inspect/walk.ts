import type { Kysely } from 'kysely';
import type { Tables } from '../sql/schema.ts';
import { pacer, pagesOf } from './pages.ts';
import type { Problems } from './problems.ts';
import type { RangesOf } from './ranges.ts';
import { isShaped } from './shapes.ts';
import type { TableName } from './tables.ts';

/** What the parts of an inspection share. */
export interface Look {
  db: Kysely<Tables>;
  found: Problems;
  workspaces: ReadonlySet<string>;
  /** Rows per table. */
  counts: Map<TableName, number>;
  /** Tells a person that a page of a table was read. */
  read: (table: TableName, rows: number) => void;
  /** What the audit and the events say about releases, by workspace, client and profile. */
  published: RangesOf;
  adopted: RangesOf;
  told: RangesOf;
  linked: Set<string>;
  releases: RangesOf;
  /** The oldest one of each workspace that is still kept. */
  first_events: Map<string, Tables['events']>;
}

type Target = { workspace: string; client_id: string | null; profile_id: string | null };
export const targetOf = ({ workspace, client_id, profile_id }: Target): string =>
  `${workspace}/${client_id}/${profile_id}`;

/**
 * Goes through a table. Rows that are damaged in themselves are reported and not looked at any further: a rule may rely
 * on what a column holds. `page` is called with the others, and with all, before `row` is with each of the others.
 */
export async function walk<T extends TableName>(
  look: Look,
  table: T,
  row: (row: Tables[T]) => void = () => undefined,
  page: (rows: readonly Tables[T][], all: readonly Tables[T][]) => Promise<void> = async () => undefined,
): Promise<void> {
  const pause = pacer();
  let count = 0;
  try {
    for await (const rows of pagesOf(look.db, table)) {
      count += rows.length;
      const sound: Tables[T][] = [];
      for (const one of rows) {
        if (isSound(look, table, one)) sound.push(one);
        await pause();
      }
      await page(sound, rows);
      for (const one of sound) {
        row(one);
        await pause();
      }
      look.read(table, count);
    }
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    look.found.add('TABLE_UNREADABLE', table, null, `After ${count} rows: ${what}`);
  }
  look.counts.set(table, count);
}

function isSound(look: Look, table: TableName, row: { workspace: string }): boolean {
  if (!look.workspaces.has(row.workspace)) {
    look.found.add('WORKSPACE_UNKNOWN', table, row, 'The workspace of this row is not there.');
    return false;
  }
  return isShaped(table, row, look.found);
}

/** The values of a column in several rows, by workspace: to ask for all of them at once. */
export const byWorkspace = <Row extends { workspace: string }>(rows: readonly Row[]): Map<string, Row[]> =>
  Map.groupBy(rows, ({ workspace }) => workspace);
