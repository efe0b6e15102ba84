import { randomUUID } from 'node:crypto';
import type { ClientDefinition, ConfigScope } from '../clients/client.ts';
import { jsonCodec, jsoncCodec } from '../clients/codecs/json.ts';
import { deployableScope, locateConfig } from '../clients/paths.ts';
import { type Rendering, renderPayload } from '../clients/render.ts';
import { AppError } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { driftOf, type Entries, type MergePlan } from '../core/merge.ts';
import type { JsonValue, Payload } from '../core/payload.ts';
import { readEntries } from '../core/splice/entries.ts';
import type { Codec, Glue } from '../core/splice/types.ts';
import { verifyRelease } from '../core/verify.ts';
import { type ClientFile, readClientFile } from '../io/client-files/read.ts';
import { type Target as FileTarget, resolveTarget } from '../io/client-files/target.ts';
import type { DeploymentRow, ReleaseRow } from '../stores/store.ts';
import { loadPayload } from './current.ts';
import type { Context } from './operation.ts';
import type { Machine } from './services.ts';

/** The steps of a deployment that several operations share: where the file is, what we own in it, what is on disk. */

/** The file of one client and config scope on this machine, as it stands. */
export interface Place {
  machine: Machine;
  scope: ConfigScope;
  /** As the person knows it; links are resolved in `target`. */
  config_path: string;
  target: FileTarget;
  codec: Codec;
  pointer: string[];
}

/** What the ledger keeps of one deployment: the entries that we own, in order, and how to give back the original bytes. */
export interface Ledger {
  entries: [name: string, value: JsonValue][];
  glue: Glue | null;
  /** Names of the entries that were others' at that moment: a new one is news. */
  foreign: string[];
}

const CODECS: Readonly<Record<string, Codec>> = { json: jsonCodec, jsonc: jsoncCodec };

/** Where a deployment goes. Throws CLIENT_NOT_WRITABLE for clients and scopes that this version cannot write. */
export async function findPlace(
  context: Context,
  client: ClientDefinition,
  wanted: { config_scope?: string | undefined; project?: string | undefined; config_path?: string | undefined },
): Promise<Place> {
  const scope = deployableScope(client, wanted.config_scope);
  const machine = await context.services.machine();
  const located = locateConfig(client, scope, { ...machine, project: wanted.project });
  const config_path = wanted.config_path ?? located.path;
  const codec = CODECS[scope.format ?? ''];
  if (!codec || scope.pointer === null) {
    throw new AppError('CLIENT_NOT_WRITABLE', `This version cannot write the file of ${client.display_name}.`, {
      client_id: client.client_id,
      format: scope.format,
    });
  }
  const target = await resolveTarget({ path: config_path, uid: machine.uid ?? -1, allowed_roots: located.roots });
  return { machine, scope, config_path, target, codec, pointer: segmentsOf(scope.pointer) };
}

const segmentsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Checks the release as any verifier would, then renders it. What the client cannot express is an error here. */
export async function renderRelease(
  context: Context,
  client: ClientDefinition,
  release: ReleaseRow,
  place: Place,
): Promise<Rendering> {
  const { workspace, store } = context;
  const payload = await loadPayload(context, release.artifact_id);
  const keys = new Map((await store.keys.list(workspace)).map((key) => [key.key_id, key]));
  verifyRelease(
    release.envelope,
    {
      workspace,
      client_id: release.client_id,
      profile_id: release.profile_id,
      artifact_id: release.artifact_id,
      sequence: release.sequence,
      canonical_payload: payload,
      now: context.now(),
    },
    keys,
  );
  return render(payload, client, place);
}

function render(payload: Payload, client: ClientDefinition, { machine, scope }: Place): Rendering {
  const rendering = renderPayload(payload, client, {
    os: machine.os,
    launcher: 'mcp-orchestration',
    scope: scope.scope,
  });
  const errors = rendering.findings.filter((finding) => finding.severity === 'error');
  const first = errors.find((finding) => finding.code === 'SECRET_NOT_RENDERABLE') ?? errors[0];
  if (!first) return rendering;
  const code = first.code === 'SECRET_NOT_RENDERABLE' ? 'SECRET_NOT_RENDERABLE' : 'VALIDATION_FAILED';
  throw new AppError(code, first.message, { field: fieldOf(first), reason: first.code, issues: errors });
}

const fieldOf = (finding: Finding) =>
  finding.path.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');

/** The current owner of the file and pointer on this machine, and what it says we own. */
export async function ledgerOf(
  context: Context,
  place: Place,
): Promise<{ row: DeploymentRow | undefined; ledger: Ledger }> {
  const { machine_id } = place.machine;
  const row = await context.store.deployments.current(
    context.workspace,
    machine_id,
    place.config_path,
    place.scope.pointer ?? '',
  );
  return { row, ledger: row ? (row.ledger as Ledger) : { entries: [], glue: null, foreign: [] } };
}

/** What is on disk now. `asked` are the names that will be decided about. */
export async function diskOf(
  place: Place,
  asked: Iterable<string>,
): Promise<{ file: ClientFile | null; entries: Entries }> {
  const file = await readClientFile(place.target);
  const read = readEntries(place.codec, file?.text ?? null, place.pointer, asked);
  return { file, entries: new Map([...read].map(([name, entry]) => [name, entry.value])) };
}

/** DRIFT_DETECTED with the names and kinds of everything that stands in the way. */
export function refuseDrift(plan: MergePlan, place: Place): never {
  const names = plan.refused.map((refusal) => `"${refusal.server}" (${refusal.kind})`).join(', ');
  const foreign = plan.refused.filter((refusal) => refusal.kind === 'foreign').map((refusal) => refusal.server);
  throw new AppError(
    'DRIFT_DETECTED',
    `${place.config_path} is not as it was left: ${names}.`,
    { config_path: place.config_path, changes: plan.refused },
    {
      hint:
        foreign.length > 0
          ? `Take over entries that are not ours with --adopt ${foreign.join(' --adopt ')}, or give ours another name. Nothing was written.`
          : 'Say --on-drift overwrite to put our entries back, or --on-drift keep to leave the changes. Nothing was written.',
    },
  );
}

/**
 * Finishes or gives up what a killed process left behind: an intent whose file content arrived is a deployment, one
 * whose content did not is none. Called under the writer's lock, so that no intent of a living process is judged.
 */
export async function settleIntents(context: Context, place: Place, state_fields: readonly string[]): Promise<void> {
  const { workspace, store } = context;
  for (const row of await store.deployments.unsettled(workspace, place.machine.machine_id)) {
    if (row.config_path !== place.config_path) continue;
    const arrived = await hasArrived(row, place, state_fields);
    await store.transaction(async (transaction) => {
      await transaction.deployments.setStatus(workspace, row.deployment_id, arrived ? 'done' : 'abandoned');
      if (!arrived) return;
      const { actor } = context.principal;
      const { door, request_id } = context;
      await transaction.audit.append(workspace, {
        at: context.now().toISOString(),
        operation: 'deployments.settle',
        effect: 'write',
        actor,
        door,
        client_id: row.client_id,
        profile_id: row.profile_id,
        request_id,
        facts: factsOfDeployment(row),
      });
    });
  }
}

async function hasArrived(row: DeploymentRow, place: Place, state_fields: readonly string[]): Promise<boolean> {
  const file = await readClientFile(place.target);
  if (file?.sha256 === row.after_sha256) return true;
  if ((file?.sha256 ?? null) === row.before_sha256) return false;
  const owned: Entries = new Map((row.ledger as Ledger).entries);
  try {
    const { entries } = await diskOf(place, owned.keys());
    return driftOf(owned, entries, state_fields).length === 0;
  } catch (error) {
    if (error instanceof AppError && error.code === 'CLIENT_FILE_UNPARSABLE') return false;
    throw error;
  }
}

export function factsOfDeployment(row: DeploymentRow): Record<string, string | number | boolean | null> {
  const { deployment_id, artifact_id, sequence, config_scope, config_path, pinned, renderer_version, native_sha256 } =
    row;
  return { deployment_id, artifact_id, sequence, config_scope, config_path, pinned, renderer_version, native_sha256 };
}

export const newDeploymentId = (): string => `dep_${randomUUID()}`;
