import { createHash, randomUUID } from 'node:crypto';
import type { ClientDefinition } from '../../clients/client.ts';
import { AppError } from '../../core/errors.ts';
import { clientsOwn, driftOf, type Entries, type Refusal } from '../../core/merge.ts';
import type { JsonValue } from '../../core/payload.ts';
import { type DiskEntry, readEntries } from '../../core/splice/entries.ts';
import { sameValue, without } from '../../core/splice/equality.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Change, SetEntry } from '../../core/splice/types.ts';
import { readBackup } from '../../io/client-files/backup.ts';
import { type ClientFile, readClientFile } from '../../io/client-files/read.ts';
import { failpoint } from '../../io/failpoint.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { RunContext } from '../operation.ts';
import { labelOf } from './asked.ts';
import { conclude, deployedEvent, factsOfDeployment, type Ledger, type Owned } from './ledger.ts';
import type { Place } from './place.ts';
import { planCopy, removeLeftovers, writeUnderIntent } from './write.ts';

type DiskEntries = ReadonlyMap<string, DiskEntry>;

/** An undo as decided, before anything is written. */
export interface UndoPlan {
  place: Place;
  /** The deployment that is taken back. */
  row: DeploymentRow;
  file: ClientFile | null;
  /** The file afterwards, null: none. The same bytes as before when only the ledger changes. */
  content: Uint8Array | null;
  changes: { added: string[]; updated: string[]; removed: string[]; kept_foreign: string[] };
  ledger: Ledger;
}

/**
 * Gives back what was there before a deployment: the whole file when nobody changed it since, else the earlier bytes of
 * the entries that the deployment wrote, and nothing else. Throws DRIFT_DETECTED when one of these was changed since.
 */
export async function planUndo(client: ClientDefinition, place: Place, row: DeploymentRow): Promise<UndoPlan> {
  const file = await readClientFile(place.target);
  const content = await contentAfter(client, place, row, file);
  const [now, after] = [file?.text ?? null, content === null ? null : Buffer.from(content).toString('utf8')];
  const [before, left] = [now, after].map((text) => readEntries(place.codec, text, place.pointer));
  return { place, row, file, content, ...outcomeOf(row, before ?? new Map(), left ?? new Map()) };
}

async function contentAfter(
  client: ClientDefinition,
  place: Place,
  row: DeploymentRow,
  file: ClientFile | null,
): Promise<Uint8Array | null> {
  const found = file?.sha256 ?? null;
  const wroteNothing = (row.before_sha256 ?? '') === row.after_sha256;
  if (wroteNothing || found === row.before_sha256) return file?.bytes ?? null;
  const earlier = await earlierContent(row);
  return found === row.after_sha256 ? earlier : entriesBack(client, place, row, file, earlier);
}

/** The file as it was before the deployment, from the backup; null: there was none. */
async function earlierContent({ before_sha256, backup_path, deployment_id }: DeploymentRow): Promise<Buffer | null> {
  if (before_sha256 === null) return null;
  const found = backup_path === null ? 'missing' : await readBackup(backup_path, before_sha256);
  if (typeof found !== 'string') return found;
  const message =
    found === 'missing'
      ? 'The backup that this undo needs is not there any more.'
      : 'The backup that this undo needs is damaged: it is not the file that was kept.';
  throw new AppError(
    'WRITE_FAILED',
    message,
    { reason: `backup_${found}`, step: 'read_backup', path: backup_path, deployment_id },
    { hint: 'Nothing was changed. Go back with `revert-config` and `deploy-config` instead.' },
  );
}

/** The present file, with the entries that the deployment wrote as they were before it. */
function entriesBack(
  client: ClientDefinition,
  place: Place,
  row: DeploymentRow,
  file: ClientFile | null,
  earlier: Buffer | null,
): Uint8Array | null {
  if (file === null) throw refusal(place, [{ server: null, kind: 'file_gone' }]);
  const { state_fields } = client;
  const ledger = row.ledger as Ledger;
  const was = earlier?.toString('utf8') ?? null;
  const servers = partBack(place, ledger, { was, now: file.text }, state_fields);
  const asked = place.asks && ledger.asked && partBack(place.asks, ledger.asked, { was, now: file.text }, []);
  const refused = asked?.refused.map((refusal) => ({ ...refusal, server: labelOf(refusal.server) })) ?? [];
  if (servers.refused.length + refused.length > 0) throw refusal(place, [...servers.refused, ...refused]);
  const first = asked && place.asks ? spliceBack(place.asks, file.text, asked, ledger.asked?.glue ?? null) : file.text;
  const text = spliceBack(place, first, servers, ledger.glue);
  return text === null ? null : Buffer.from(text, 'utf8');
}

type Part = Pick<Place, 'codec' | 'pointer'>;
interface PartBack extends Change {
  refused: Refusal[];
}

const spliceBack = ({ codec, pointer }: Part, text: string | null, change: Change, glue: Owned['glue']) =>
  spliceEntries(codec, text, pointer, change, glue).text;

/** What has to change in one container, and what in it was changed since. */
function partBack(
  { codec, pointer }: Part,
  owned: Owned,
  texts: { was: string | null; now: string },
  state_fields: readonly string[],
): PartBack {
  const was = readEntries(codec, texts.was, pointer);
  const names = touchedBy(owned, was);
  const now = readEntries(codec, texts.now, pointer, names);
  const left = new Map(owned.entries);
  const stateOf = (name: string) => clientsOwn(state_fields, left.get(name));
  const open = names.filter((name) => !isAsItWas(was.get(name), now.get(name), stateOf(name)));
  const set: SetEntry[] = open.flatMap((name) => {
    const entry = was.get(name);
    return entry === undefined ? [] : [{ name, value: entry.value, raw: entry.raw }];
  });
  const remove = open.filter((name) => !was.has(name));
  return { set, remove, refused: notOurs(open, { owned, now, state_fields }) };
}

/** What a deployment wrote or took out: of the entries before it, those that it neither owns nor left to others. */
function touchedBy({ entries, foreign: others }: Owned, was: DiskEntries): string[] {
  const owned = new Set(entries.map(([name]) => name));
  const foreign = new Set(others);
  return [...owned, ...[...was.keys()].filter((name) => !owned.has(name) && !foreign.has(name))];
}

function isAsItWas(was: DiskEntry | undefined, now: DiskEntry | undefined, state_fields: readonly string[]): boolean {
  if (was === undefined || now === undefined) return was === now;
  return sameValue(without(was.value, state_fields), without(now.value, state_fields));
}

/** The entries that have to go back, and are not as the deployment left them. */
function notOurs(
  open: readonly string[],
  { owned: { entries }, now, state_fields }: { owned: Owned; now: DiskEntries; state_fields: readonly string[] },
): Refusal[] {
  const owned = new Map(entries);
  const left: Entries = new Map(entries.filter(([name]) => open.includes(name)));
  const inTheWay = open.filter((name) => !owned.has(name) && now.has(name));
  return [
    ...driftOf(left, valuesOf(now), state_fields),
    ...inTheWay.map((server) => ({ server, kind: 'foreign' as const })),
  ];
}

const valuesOf = (entries: DiskEntries): Map<string, JsonValue> =>
  new Map([...entries].map(([name, { value }]) => [name, value]));

function refusal(place: Place, changes: { server: string | null; kind: string; detail?: string }[]): AppError {
  const names = changes.map(({ server, kind }) => (server === null ? 'the file is gone' : `"${server}" (${kind})`));
  return new AppError(
    'DRIFT_DETECTED',
    `${place.config_path} is not as the deployment left it: ${names.join(', ')}.`,
    { config_path: place.config_path, changes },
    {
      hint: 'Put these entries back as they were, or go back with `revert-config` and `deploy-config --on-drift overwrite`. Nothing was written.',
    },
  );
}

/** What changes for a reader of the file, and what the intent says about the file afterwards. */
function outcomeOf(row: DeploymentRow, before: DiskEntries, after: DiskEntries): Pick<UndoPlan, 'changes' | 'ledger'> {
  const changed = (name: string) => before.get(name)?.raw !== after.get(name)?.raw;
  const added = [...after.keys()].filter((name) => !before.has(name));
  const updated = [...after.keys()].filter((name) => before.has(name) && changed(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const { entries, glue } = row.ledger as Ledger;
  const owned = new Set(entries.map(([name]) => name));
  const kept_foreign = [...after.keys()].filter((name) => before.has(name) && !changed(name) && !owned.has(name));
  const values = valuesOf(after);
  const moved = new Set([...owned, ...added, ...updated]);
  return {
    changes: { added, updated, removed, kept_foreign },
    ledger: {
      entries: [...values].filter(([name]) => moved.has(name)),
      glue,
      foreign: kept_foreign,
      undoes: row.deployment_id,
      gone: removed,
    },
  };
}

/** Copy and intent, file, outcome, as a deployment does it. Gives the path of the copy. */
export async function applyUndo(context: RunContext, plan: UndoPlan): Promise<string | null> {
  const { store, workspace } = context;
  const { place, file, content } = plan;
  const writes = content === null ? file !== null : file === null || !file.bytes.equals(content);
  const at = context.now().toISOString();
  const restores = plan.row.previous_deployment_id;
  const copy = writes ? await planCopy(context, { place, file, at, restores }) : null;
  const backup_path = copy?.path ?? null;
  const row = intentOf(plan, { deployed_at: at, backup_path });
  if (writes) await writeUnderIntent(context, 'undo', row, { place, content, copy });
  else await removeLeftovers(context, place);
  await store.transaction(async (transaction) => {
    if (!writes) await transaction.deployments.insert(workspace, row);
    await conclude(transaction, workspace, row, true);
    await transaction.audit.append(workspace, context.auditRow(factsOfDeployment(row)));
    await context.emit(transaction, deployedEvent(row));
    failpoint('undo.before-commit');
  });
  failpoint('undo.after-commit');
  return backup_path;
}

const intentOf = (
  { row, file, content, ledger }: UndoPlan,
  at: Pick<DeploymentRow, 'deployed_at' | 'backup_path'>,
): DeploymentRow => ({
  ...row,
  ...at,
  deployment_id: `undo_${randomUUID()}`,
  previous_deployment_id: row.deployment_id,
  status: 'intent',
  before_sha256: file?.sha256 ?? null,
  after_sha256: content === null ? '' : createHash('sha256').update(content).digest('hex'),
  ledger,
});
