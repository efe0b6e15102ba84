import type { ClientDefinition } from '../../clients/client.ts';
import { meansTheSame } from '../../clients/read-entry.ts';
import { type Rendering, renderPayload } from '../../clients/render.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { entryDiff } from '../../core/entry-diff.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import { nullRecord } from '../../core/ids.ts';
import { pointerKeys } from '../../core/json-value.ts';
import { type Entries, type MergeInput, type MergePlan, planMerge, type Refusal } from '../../core/merge.ts';
import type { DraftPayload, Payload } from '../../core/payload.ts';
import { jsonPointer, referencesOf } from '../../core/references.ts';
import { assertNoSecretText } from '../../core/secrets/detector.ts';
import type { ClientFile } from '../../io/client-files/read.ts';
import type { DeploymentRow, ReleaseRow } from '../../stores/rows.ts';
import { findRelease, verifiedRelease } from '../current.ts';
import type { Context, Target } from '../operation.ts';
import { shellWord } from '../words.ts';
import { type AskedPlan, askedChanges, labelOf, planAsked, spliceBoth } from './asked.ts';
import { type Ledger, ledgerOf } from './ledger.ts';
import { type Disk, diskOf, type Place } from './place.ts';

/** What decides a deployment, as the caller said it. */
export interface PlanInput extends Target, Pick<MergeInput, 'on_drift' | 'adopt'> {
  artifact_id?: string | undefined;
  /** Undefined: whatever is there; null: there must be no file. */
  expect_file_sha256?: string | null | undefined;
  inputs?: Readonly<Record<string, string>> | undefined;
  /** Inputs were given for several releases at once: what this one does not declare is meant for another. */
  shared_inputs?: boolean | undefined;
}

/** A deployment as decided, before anything is written. */
export interface Plan {
  client: ClientDefinition;
  place: Place;
  release: ReleaseRow;
  rendering: Rendering;
  merge: MergePlan;
  /** What becomes of the inputs that the client asks for itself; null: there are none of ours. */
  asked: AskedPlan | null;
  disk: Disk;
  /** The whole new text; the same object as the old one when the file stays. */
  text: string | null;
  ledger: Ledger;
  previous: DeploymentRow | undefined;
  pinned: boolean;
}

/** Reads, decides and computes the new text. The same for a dry run and for the real thing. */
export async function planDeployment(
  context: Context,
  input: PlanInput,
  client: ClientDefinition,
  place: Place,
): Promise<Plan> {
  const release = await findRelease(context, input, input.artifact_id);
  const { payload } = await verifiedRelease(context, release);
  const { profile_id } = release;
  const rendering = render(payload, client, place, { profile_id, launcher: context.services.launcher_path });
  const { row: previous, ledger } = await ledgerOf(context, place);
  const base: Entries = new Map(ledger.entries);
  const ours: Entries = new Map(rendering.entries);
  const disk = await diskOf(place, new Set([...base.keys(), ...ours.keys()]));
  assertExpectedFile(input, disk.file);
  const alike = alikeOn(disk.entries, payload, client, place);
  const elsewhere = askedByClient(payload, alike, rendering);
  const inputs = await inputsOf(context, release, payload, { place, input, elsewhere });
  const { state_fields } = client;
  const merge = planMerge({
    base,
    theirs: disk.entries,
    ours,
    on_drift: input.on_drift,
    adopt: input.adopt,
    state_fields,
    alike,
  });
  const asked = planAsked(client, place, { rendering, ledger, disk, merge }, input);
  const refusedToo = asked?.merge.refused.map((refusal) => ({ ...refusal, server: labelOf(refusal.server) })) ?? [];
  const refused = [...merge.refused, ...refusedToo];
  if (refused.length > 0) refuseDrift(refused, place);
  // What was remembered of a file that has nothing of ours any more is true of that file, and not of the next one.
  const remembered = base.size > 0 ? ledger : { ...ledger, glue: null };
  const spliced = spliceBoth(place, disk, { merge, asked, ledger: remembered });
  return {
    client,
    place,
    release,
    rendering: { ...rendering, findings: [...rendering.findings, ...unusedValues(client, input, elsewhere)] },
    merge,
    asked,
    disk,
    text: spliced.text,
    ledger: {
      entries: [...merge.owned],
      glue: spliced.glue,
      foreign: merge.changes.kept_foreign,
      ...(spliced.asked && { asked: spliced.asked }),
      ...(Object.keys(inputs).length > 0 && { inputs }),
    },
    previous,
    pinned: input.artifact_id !== undefined,
  };
}

/** The entries on disk that say in their own spelling what the release says: writing them again would only lose that. */
function alikeOn(disk: Entries, payload: Payload, client: ClientDefinition, { machine, scope }: Place): Set<string> {
  const names = Object.entries(payload.mcpServers).filter(([name, entry]) => {
    const value = disk.get(name);
    const target = { os: machine.os, pointer: scope.pointer, server: name };
    return value !== undefined && meansTheSame(client, value, entry, target);
  });
  return new Set(names.map(([name]) => name));
}

/** The inputs that nobody on this machine has to give: only entries use them for which the client asks itself. */
function askedByClient({ inputs, ...payload }: Payload, alike: ReadonlySet<string>, { asked }: Rendering): Set<string> {
  const used = referencesOf(payload as unknown as DraftPayload).filter(({ kind }) => kind === 'input');
  const asking = new Map(asked.map(({ name, servers }) => [name, servers]));
  const isTheirs = ({ server, name }: { server: string; name: string }) =>
    alike.has(server) || asking.get(name)?.includes(server) === true;
  const ours = new Set(used.filter((reference) => !isTheirs(reference)).map(({ name }) => name));
  const theirs = used.map(({ name }) => name).filter((name) => !ours.has(name));
  return new Set(theirs.filter((name) => Object.hasOwn(inputs ?? {}, name)));
}

/** A value that was given, and that nothing on this machine will read. */
function unusedValues(
  { display_name }: ClientDefinition,
  { inputs = {} }: PlanInput,
  elsewhere: ReadonlySet<string>,
): Finding[] {
  return Object.keys(inputs)
    .filter((name) => elsewhere.has(name))
    .map((name) => ({
      code: 'INPUT_ASKED_BY_CLIENT',
      message: `${display_name} asks for this input itself: the value that was given is not used.`,
      severity: 'warning',
      path: jsonPointer('inputs', name),
    }));
}

function assertExpectedFile({ expect_file_sha256 }: PlanInput, file: ClientFile | null): void {
  const found = file?.sha256 ?? null;
  if (expect_file_sha256 === undefined || expect_file_sha256 === found) return;
  throw new AppError('CLIENT_FILE_CHANGED', 'The file is not the one that was planned on.', {
    expected: expect_file_sha256,
    found,
  });
}

/**
 * What the declared inputs are on this machine: as given now, or else as given with an earlier deployment of the profile.
 * Only what was given is kept, so that a default stays the release's business. Throws INVALID_INPUT for a name that the
 * release does not declare and for a required one without a value, and SECRET_IN_CONFIG for what looks like a secret.
 */
async function inputsOf(
  context: Context,
  { client_id, profile_id }: ReleaseRow,
  payload: Payload,
  { place, input, elsewhere }: { place: Place; input: PlanInput; elsewhere: ReadonlySet<string> },
): Promise<Record<string, string>> {
  const { inputs: declared = {} } = payload;
  const names = Object.keys(declared);
  const { inputs: given = {}, shared_inputs = false } = input;
  const unknown = shared_inputs ? undefined : Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalidInput(`inputs.${unknown}`, 'this release declares no such input');
  if (names.length === 0) return nullRecord();
  assertNoSecretText(nullRecord(Object.entries(given).map(([name, value]) => [`inputs.${name}`, value])));
  const { machine_id } = place.machine;
  const earlier = await context.store.deployments.latestOf(context.workspace, machine_id, client_id, profile_id);
  const known = { ...(earlier?.ledger as Ledger | undefined)?.inputs, ...given };
  for (const [name, { required, default: fallback, description }] of Object.entries(declared)) {
    if (!required || fallback !== undefined || Object.hasOwn(known, name) || elsewhere.has(name)) continue;
    throw invalidInput(`inputs.${name}`, `this release needs a value for it: ${description}`, {
      hint: `Give it when you deploy: --input ${name}=VALUE. It is kept on this machine only.`,
    });
  }
  return nullRecord(Object.entries(known).filter(([name]) => names.includes(name)));
}

/** What the client cannot express is an error here. */
function render(
  payload: Payload,
  client: ClientDefinition,
  { machine, scope, project, explicit_path, config_path }: Place,
  { profile_id, launcher }: { profile_id: string; launcher: string | null },
): Rendering {
  const rendering = renderPayload(payload, client, {
    os: machine.os,
    launcher,
    scope: scope.scope,
    pointer: scope.pointer,
    profile_id,
    ...(project !== null && { project }),
    ...(explicit_path && { config_path }),
  });
  const errors = rendering.findings.filter((finding) => finding.severity === 'error');
  const first = errors.find((finding) => finding.code === 'SECRET_NOT_RENDERABLE') ?? errors[0];
  if (!first) return rendering;
  const code = first.code === 'SECRET_NOT_RENDERABLE' ? 'SECRET_NOT_RENDERABLE' : 'VALIDATION_FAILED';
  throw new AppError(code, first.message, { field: fieldOf(first), reason: first.code, issues: errors });
}

const fieldOf = (finding: Finding) => pointerKeys(finding.path).join('.');

/** DRIFT_DETECTED with the names and kinds of everything that stands in the way. */
function refuseDrift(refused: readonly Refusal[], place: Place): never {
  const names = refused.map((refusal) => `"${refusal.server}" (${refusal.kind})`).join(', ');
  const foreign = refused.filter((refusal) => refusal.kind === 'foreign').map((refusal) => refusal.server);
  throw new AppError(
    'DRIFT_DETECTED',
    `${place.config_path} is not as it was left: ${names}.`,
    { config_path: place.config_path, changes: refused },
    {
      hint:
        foreign.length > 0
          ? `Take over entries that are not ours with --adopt ${foreign.map(shellWord).join(' --adopt ')}, or give ours another name. Nothing was written.`
          : 'Say --on-drift overwrite to put our entries back, or --on-drift keep to leave the changes. Nothing was written.',
    },
  );
}

/** The same release is already in force here, the file is as it should be, and nothing new in it waits to be noted. */
export function isUnchanged({ text, disk, previous, release, pinned, ledger }: Plan): boolean {
  return (
    text === (disk.file?.text ?? null) &&
    previous?.client_id === release.client_id &&
    previous.profile_id === release.profile_id &&
    previous.sequence === release.sequence &&
    previous.pinned === pinned &&
    !ledger.foreign.some((name) => !(previous.ledger as Ledger).foreign.includes(name)) &&
    JSON.stringify((previous.ledger as Ledger).entries) === JSON.stringify(ledger.entries) &&
    JSON.stringify((previous.ledger as Ledger).asked?.entries ?? []) === JSON.stringify(ledger.asked?.entries ?? []) &&
    canonicalJson((previous.ledger as Ledger).inputs ?? {}) === canonicalJson(ledger.inputs ?? {})
  );
}

/** What would change in our entries, for a person to read. */
export function diffOf({ merge, asked, disk }: Plan): string {
  const changes = [
    ...merge.set.map(({ name, value }) => ({ name, before: disk.entries.get(name), after: value })),
    ...merge.remove.map((name) => ({ name, before: disk.entries.get(name), after: undefined })),
  ];
  return entryDiff([...changes, ...(asked === null ? [] : askedChanges(asked))]);
}
