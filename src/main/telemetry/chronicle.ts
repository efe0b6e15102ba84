import { EVENT_TYPES, type EventType } from '../../core/event.ts';
import type { EventRow } from '../../stores/rows.ts';
import type { Store } from '../../stores/store.ts';

/** What the events of the whole store come to, whichever process wrote them. */
export interface Told {
  /** Since the first look of this process. */
  counts: Readonly<Record<EventType, number>>;
  /** Times, of those that are kept. */
  latest: Readonly<Partial<Record<EventType, string>>>;
  /** Profiles whose drift was told, and to which nothing was deployed since. */
  drifting: number;
}

/** So many are read at once: SQLite answers in one turn of the event loop, which others wait for. */
const PAGE = 200;

/**
 * Follows the events. The first look reads all that are kept (some ten thousand of a workspace at most), each one after it
 * only what is new since the one before.
 */
export function followEvents({ newest, since }: Pick<Store['events'], 'newest' | 'since'>): () => Promise<Told> {
  const read = new Map<string, number>();
  const counts = Object.fromEntries(EVENT_TYPES.map((type) => [type, 0])) as Record<EventType, number>;
  const latest: Partial<Record<EventType, string>> = {};
  const drifting = new Set<string>();
  let begun = false;

  const take = (workspace: string, { type, time, client_id, profile_id }: EventRow) => {
    if (begun) counts[type] += 1;
    if (time > (latest[type] ?? '')) latest[type] = time;
    const profile = JSON.stringify([workspace, client_id, profile_id]);
    if (type === 'config.drift_detected') drifting.add(profile);
    else if (type === 'config.deployed') drifting.delete(profile);
  };
  const catchUp = async (workspace: string, until: number) => {
    for (let from = read.get(workspace) ?? 0; from < until; ) {
      const rows = await since(workspace, from, PAGE);
      for (const row of rows) take(workspace, row);
      from = rows.at(-1)?.number ?? until;
      read.set(workspace, from);
    }
  };
  return async () => {
    for (const { workspace, number } of await newest()) await catchUp(workspace, number);
    begun = true;
    return { counts, latest, drifting: drifting.size };
  };
}
