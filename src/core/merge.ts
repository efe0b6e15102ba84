import type { JsonValue } from './payload.ts';
import { isObject, ownMember, sameValue, without } from './splice/equality.ts';
import type { SetEntry } from './splice/types.ts';

/**
 * The three-way decision of a deploy: what we last wrote (base), what is on disk (theirs), what the release says (ours).
 * It decides about names and values only; where the bytes go is the splice engine's business.
 */

/** `changed`: not as we left it. `missing`: taken out of the file. `foreign`: a stranger's entry has the name of ours. */
export type DriftKind = 'changed' | 'missing';
export interface Drift {
  server: string;
  kind: DriftKind;
  /** Names of fields, never a value. */
  detail?: string;
}
export interface Refusal {
  server: string;
  kind: DriftKind | 'foreign';
  detail?: string;
}

export type Entries = ReadonlyMap<string, JsonValue>;

export interface MergeInput {
  /** The ledger: every entry that we own, as we last wrote it. */
  base: Entries;
  /** In file order. */
  theirs: Entries;
  /** In payload order. */
  ours: Entries;
  /** Applies to entries that we own. A foreign entry in the way always needs `adopt`. */
  on_drift: 'fail' | 'overwrite' | 'keep';
  /** true: any foreign entry in the way may be taken over. */
  adopt?: true | readonly string[] | undefined;
  /** Fields that the client itself writes into entries: no drift, and kept by an update. */
  state_fields: readonly string[];
  /** Names whose entries on disk mean what ours say, in another spelling: they stay as they are. */
  alike?: ReadonlySet<string> | undefined;
}

export interface MergePlan {
  /** For the splice engine; both empty when the file is as it should be. */
  set: SetEntry[];
  remove: string[];
  /** `added` and `updated` in payload order, `removed` in ledger order, `kept_foreign` in file order. */
  changes: { added: string[]; updated: string[]; removed: string[]; kept_foreign: string[] };
  /** Foreign entries that are ours from now on, in payload order. */
  adopted: string[];
  /** How the file differs from the ledger, in ledger order; also what is not refused. */
  drift: Drift[];
  /** Not empty: DRIFT_DETECTED, and nothing may be written. Payload order, then ledger order. */
  refused: Refusal[];
  /** The next ledger, once this plan is carried out. */
  owned: Map<string, JsonValue>;
}

/** How the file differs from what we last wrote, in ledger order. */
export function driftOf(base: Entries, theirs: Entries, state_fields: readonly string[]): Drift[] {
  const drift: Drift[] = [];
  for (const [server, left] of base) {
    const now = theirs.get(server);
    if (now === undefined) drift.push({ server, kind: 'missing' });
    else {
      const fields = clientsOwn(state_fields, left);
      if (!same(left, now, fields)) drift.push({ server, kind: 'changed', detail: differences(left, now, fields) });
    }
  }
  return drift;
}

export function planMerge(input: MergeInput): MergePlan {
  const { base, theirs, ours, state_fields } = input;
  const plan: MergePlan = {
    set: [],
    remove: [],
    changes: { added: [], updated: [], removed: [], kept_foreign: [] },
    adopted: [],
    drift: driftOf(base, theirs, state_fields),
    refused: [],
    owned: new Map(),
  };
  const drift = new Map(plan.drift.map((found) => [found.server, found]));
  for (const [name, value] of ours) {
    if (base.has(name)) planOwned(plan, input, name, value, drift.get(name));
    else planNew(plan, input, name, value);
  }
  for (const name of base.keys()) if (!ours.has(name)) planLeaving(plan, input, name, drift.get(name));
  const removed = new Set(plan.remove);
  const refused = new Set(plan.refused.map(({ server }) => server));
  const foreign = (name: string) =>
    !plan.owned.has(name) && !removed.has(name) && !(refused.has(name) && base.has(name));
  plan.changes.kept_foreign = [...theirs.keys()].filter(foreign);
  return plan;
}

/** An entry that we own and still want. */
function planOwned(plan: MergePlan, input: MergeInput, name: string, value: JsonValue, drift: Drift | undefined): void {
  const now = input.theirs.get(name);
  if (now !== undefined && same(now, value, clientsOwn(input.state_fields, value, input.base.get(name)))) {
    plan.owned.set(name, value);
  } else if (now !== undefined && input.alike?.has(name)) {
    plan.owned.set(name, now);
  } else if (drift === undefined || input.on_drift === 'overwrite') {
    write(plan, input, name, value);
  } else if (input.on_drift === 'fail') {
    plan.refused.push(drift);
  } else if (now !== undefined) {
    // Kept as it is and still ours: the ledger goes on saying what we wrote, so that the drift stays visible.
    plan.owned.set(name, input.base.get(name) ?? value);
  }
}

/** An entry that we do not own yet. */
function planNew(plan: MergePlan, input: MergeInput, name: string, value: JsonValue): void {
  const now = input.theirs.get(name);
  const adoptable = input.adopt === true || (input.adopt?.includes(name) ?? false);
  if (now === undefined) {
    write(plan, input, name, value);
  } else if (same(now, value, clientsOwn(input.state_fields, value))) {
    plan.owned.set(name, value);
    plan.adopted.push(name);
  } else if (adoptable && input.alike?.has(name)) {
    plan.owned.set(name, now);
    plan.adopted.push(name);
  } else if (adoptable) {
    write(plan, input, name, value);
    plan.adopted.push(name);
  } else {
    plan.refused.push({
      server: name,
      kind: 'foreign',
      detail: differences(value, now, clientsOwn(input.state_fields, value)),
    });
  }
}

/** An entry that we own and no longer want. One that is gone already is simply no longer ours. */
function planLeaving(plan: MergePlan, input: MergeInput, name: string, drift: Drift | undefined): void {
  if (drift?.kind === 'missing') return;
  if (drift === undefined || input.on_drift === 'overwrite') {
    plan.remove.push(name);
    plan.changes.removed.push(name);
  } else if (input.on_drift === 'fail') plan.refused.push(drift);
}

function write(plan: MergePlan, { base, theirs, state_fields }: MergeInput, name: string, value: JsonValue): void {
  plan.set.push({ name, value, preserve_fields: clientsOwn(state_fields, value, base.get(name)) });
  plan.changes[theirs.has(name) ? 'updated' : 'added'].push(name);
  plan.owned.set(name, value);
}

/** A field that the release says, or said, is not the client's: what an entry was switched off by switches it on again. */
export const clientsOwn = (state_fields: readonly string[], ...ours: (JsonValue | undefined)[]) =>
  state_fields.filter((field) => !ours.some((value) => isObject(value) && Object.hasOwn(value, field)));

const same = (a: JsonValue, b: JsonValue, state_fields: readonly string[]) =>
  sameValue(without(a, state_fields), without(b, state_fields));

/** Which fields of `now` are not as in `left`, by name: "changed: args; extra: note; missing: env". */
function differences(left: JsonValue, now: JsonValue, state_fields: readonly string[]): string {
  const [a, b] = [without(left, state_fields), without(now, state_fields)];
  if (!isObject(a) || !isObject(b)) return 'it is not an object';
  const found: Record<'changed' | 'extra' | 'missing', string[]> = { changed: [], extra: [], missing: [] };
  for (const [field, value] of Object.entries(a)) {
    const other = ownMember(b, field);
    if (other === undefined) found.missing.push(field);
    else if (!sameValue(value, other)) found.changed.push(field);
  }
  found.extra = Object.keys(b).filter((field) => !Object.hasOwn(a, field));
  return Object.entries(found)
    .filter(([, fields]) => fields.length > 0)
    .map(([kind, fields]) => `${kind}: ${fields.join(', ')}`)
    .join('; ');
}
