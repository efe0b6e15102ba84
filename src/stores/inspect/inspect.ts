import type { Kysely } from 'kysely';
import type { Tables } from '../sql/schema.ts';
import { compareLogs, lookAtCounters, lookAtLogs } from './logs.ts';
import { lookAtOthers, lookAtWorkspaces } from './others.ts';
import { Problems, type StoreProblem, type StoreProblemCode } from './problems.ts';
import { RangesOf } from './ranges.ts';
import { lookAtReleases } from './releases.ts';
import { TABLES, type TableName } from './tables.ts';

/** What a store has at one instant, and what of it cannot be. */
export interface Inspection {
  tables: { table: TableName; rows: number }[];
  problems: StoreProblem[];
  /** Of each kind only so many are listed. */
  left_out: { code: StoreProblemCode; count: number }[];
}

/** All tables as they are at one instant, whatever is written meanwhile. */
export interface Snapshot {
  tables: Kysely<Tables>;
  /** What the database itself says is wrong with its file, in its words; empty: nothing. */
  damage(): Promise<string[]>;
}

/**
 * Walks through every row of a store and compares all that it says with itself: digests, signatures, numbers, and what
 * refers to what. Believes nothing, changes nothing, and holds no more than a page of a table, and of each profile the
 * numbers of its releases.
 */
export async function inspect(
  snapshot: Snapshot,
  progress: (doing: string) => void = () => undefined,
): Promise<Inspection> {
  const found = new Problems();
  progress('Asking the database whether its file is whole');
  for (const words of await damageIn(snapshot)) found.add('DATABASE_DAMAGED', null, null, words);
  const look = {
    db: snapshot.tables,
    found,
    workspaces: new Set<string>(),
    counts: new Map<TableName, number>(),
    read: (table: TableName, rows: number) => progress(`Looking at ${table}: ${rows} rows`),
    published: new RangesOf(),
    adopted: new RangesOf(),
    told: new RangesOf(),
    linked: new Set<string>(),
    releases: new RangesOf(),
    first_events: new Map<string, Tables['events']>(),
  };
  await lookAtWorkspaces(look);
  await lookAtLogs(look);
  await lookAtReleases(look);
  compareLogs(look);
  await lookAtOthers(look);
  await lookAtCounters(look);
  const tables = TABLES.map((table) => ({ table, rows: look.counts.get(table) ?? 0 }));
  return { tables, problems: found.list, left_out: found.leftOut() };
}

/** A file can be too damaged to be asked. */
const damageIn = ({ damage }: Snapshot): Promise<string[]> =>
  damage().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
