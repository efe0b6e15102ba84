import { asksFor } from '../../clients/asked-inputs.ts';
import type { ClientDefinition } from '../../clients/client.ts';
import type { Rendering } from '../../clients/render.ts';
import type { EntryChange } from '../../core/entry-diff.ts';
import { type Drift, driftOf, type Entries, type MergeInput, type MergePlan, planMerge } from '../../core/merge.ts';
import type { JsonValue } from '../../core/payload.ts';
import { type DiskEntry, readEntries } from '../../core/splice/entries.ts';
import { sameValue } from '../../core/splice/equality.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Glue } from '../../core/splice/types.ts';
import type { Ledger, Owned } from './ledger.ts';
import type { Disk, Place } from './place.ts';

/**
 * The inputs that a client asks for itself stand in the file of its servers, in a list of their own. They are owned one by
 * one like entries, come with the first entry of ours that needs them, and go with the last.
 */

/** How a person is told which one is meant; no server can have such a name. */
export const labelOf = (name: string) => `\${input:${name}}`;

export interface AskedPlan {
  merge: MergePlan;
  disk: Entries;
}

/** The definitions in a file, by their ids; `names` are those that will be decided about. */
export function askedOnDisk(
  { asks }: Place,
  text: string | null,
  names: Iterable<string> = [],
): ReadonlyMap<string, DiskEntry> {
  return asks === null ? new Map() : readEntries(asks.codec, text, asks.pointer, names);
}

const valuesOf = (entries: ReadonlyMap<string, DiskEntry>): Map<string, JsonValue> =>
  new Map([...entries].map(([name, { value }]) => [name, value]));

/** How our definitions differ from what was left. A file without any of ours is not looked at. */
export function askedDrift(place: Place, { asked }: Ledger, text: string | null): (Drift & EntryChange)[] {
  if (asked === undefined) return [];
  const owned: Entries = new Map(asked.entries);
  const now = valuesOf(askedOnDisk(place, text, owned.keys()));
  return driftOf(owned, now, []).map((drift) => ({
    ...drift,
    server: labelOf(drift.server),
    name: labelOf(drift.server),
    before: owned.get(drift.server),
    after: now.get(drift.server),
  }));
}

/** What becomes of the list, once it is decided what becomes of the entries. Null: nothing of ours is or will be in it. */
export function planAsked(
  client: ClientDefinition,
  place: Place,
  { rendering, ledger, disk, merge }: { rendering: Rendering; ledger: Ledger; disk: Disk; merge: MergePlan },
  { on_drift, adopt }: Pick<MergeInput, 'on_drift' | 'adopt'>,
): AskedPlan | null {
  if (rendering.asked.length === 0 && (ledger.asked?.entries ?? []).length === 0) return null;
  const wanted = new Map(rendering.asked.map((asked) => [asked.name, asked]));
  const owned = new Map(ledger.asked?.entries);
  const now = valuesOf(askedOnDisk(place, disk.file?.text ?? null, [...wanted.keys(), ...owned.keys()]));
  const written = new Set([...merge.set.map(({ name }) => name), ...merge.remove]);
  const staying = [...disk.entries].filter(([server]) => !written.has(server));
  const isLent = (name: string) => !wanted.has(name) && staying.some(([, entry]) => asksFor(client, entry, name));
  const base: Entries = new Map([...owned].filter(([name]) => !isLent(name)));
  // One of somebody else's is used as it is, and stays. The answer to it is known already, so that must be meant.
  const isBorrowed = ({ name, value, servers }: Rendering['asked'][number]) => {
    const found = now.get(name);
    if (found === undefined || base.has(name)) return false;
    return (
      sameValue(found, value) ||
      isAdopted(adopt, name) ||
      servers.some((server) => asksFor(client, disk.entries.get(server) ?? null, name))
    );
  };
  const ours: Entries = new Map(
    [...wanted.values()].filter((asked) => !isBorrowed(asked)).map(({ name, value }) => [name, value]),
  );
  return { merge: planMerge({ base, theirs: now, ours, on_drift, state_fields: [] }), disk: now };
}

const isAdopted = (adopt: MergeInput['adopt'], name: string) =>
  adopt === true || (adopt?.includes(labelOf(name)) ?? false);

/**
 * The new text and what has to be kept for the way back. Definitions go before entries do and come after them, so that a
 * file in which nothing else was is given back as it was.
 */
export function spliceBoth(
  { codec, pointer, asks }: Place,
  { file, document }: Disk,
  { merge, asked, ledger }: { merge: MergePlan; asked: AskedPlan | null; ledger: Ledger },
): { text: string | null; glue: Glue | null; asked?: Owned } {
  const before = file?.text ?? null;
  if (asks === null || asked === null) return spliceEntries(codec, before, pointer, merge, ledger.glue, document);
  const { set, remove, owned, changes } = asked.merge;
  const less = spliceEntries(asks.codec, before, asks.pointer, { set: [], remove }, glueOf(ledger.asked));
  const { text, glue } = spliceEntries(codec, less.text, pointer, merge, ledger.glue, document);
  const more = spliceEntries(asks.codec, text, asks.pointer, { set, remove: [] }, less.glue);
  return { text: more.text, glue, asked: { entries: [...owned], glue: more.glue, foreign: changes.kept_foreign } };
}

/** True of the file that it was remembered of, as long as that has something of ours. */
const glueOf = (asked: Owned | undefined) => (asked !== undefined && asked.entries.length > 0 ? asked.glue : null);

/** What would change in the list, for a person to read. */
export const askedChanges = ({ merge, disk }: AskedPlan): EntryChange[] => [
  ...merge.set.map(({ name, value }) => ({ name: labelOf(name), before: disk.get(name), after: value })),
  ...merge.remove.map((name) => ({ name: labelOf(name), before: disk.get(name), after: undefined })),
];
