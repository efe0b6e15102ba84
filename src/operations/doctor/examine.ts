import type { ClientDefinition } from '../../clients/client.ts';
import { detectInstalled } from '../../clients/paths.ts';
import { own } from '../../core/null-record.ts';
import { findProgram, isOnPath, pathExists } from '../../io/which.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import { clientsOf } from '../added-clients.ts';
import { verifiedRelease } from '../current.ts';
import { type DeploymentState, stateOf } from '../drift.ts';
import type { Context } from '../operation.ts';
import type { Ledger } from '../rollout/ledger.ts';
import type { Machine } from '../services.ts';
import { type FileReport, filesOf } from './files.ts';
import { grouped, type Needs, needsOf } from './needs.ts';

/** What is asked of the machine besides the needs of entries: the runners that catalog servers start with. */
const RUNNERS = ['node', 'npx', 'uv', 'uvx', 'docker'];

export interface ClientReport {
  client_id: string;
  display_name: string;
  installed: boolean;
  files: FileReport[];
  deployments: DeploymentReport[];
  trust_steps: string[];
}

export interface DeploymentReport extends DeploymentState {
  sequence: number;
  /** Names of our entries that the file has. */
  present: string[];
}

export interface ProgramReport {
  name: string;
  path: string | null;
  needed_by: string[];
}

export interface ReferenceReport {
  kind: 'env' | 'secret' | 'input';
  name: string;
  resolvable: boolean;
  needed_by: string[];
}

export interface Examination {
  clients: ClientReport[];
  programs: ProgramReport[];
  references: ReferenceReport[];
  /** Releases that are deployed here and do not verify any more. */
  untrusted: { title: string; reason: string }[];
  /** Null: no entry calls it. */
  launcher: LauncherReport | null;
}

export interface LauncherReport {
  path: string;
  /** Why it would not start; null: it would. */
  fault: string | null;
  needed_by: string[];
}

/** Looks at everything and changes nothing. */
export async function examine(
  context: Context,
  { client_id, project }: { client_id?: string | undefined; project?: string | undefined },
): Promise<Examination> {
  const machine = await context.services.machine();
  const rows = await context.store.deployments.currents(context.workspace, machine.machine_id);
  const asked = rows.filter((row) => client_id === undefined || row.client_id === client_id);
  const found: Examination = { clients: [], programs: [], references: [], untrusted: [], launcher: null };
  const needs: Needs = { programs: [], references: [] };
  for (const row of asked) {
    const title = `${row.client_id}/${row.profile_id}`;
    await gather(context, row, title, needs, found);
  }
  const all = await clientsOf(context);
  const known = all.filter((client) => client_id === undefined || client.client_id === client_id);
  for (const client of known) {
    context.progress?.(`Looking at ${client.display_name}`);
    const report = await examineClient(context, client, machine, project, asked);
    const worthTelling = report.installed || report.deployments.length > 0 || report.files.some(({ exists }) => exists);
    if (worthTelling || client_id !== undefined) found.clients.push(report);
  }
  found.launcher = await launcherReport(context, asked);
  found.programs = programsOf(needs, machine);
  found.references = await referencesOf(context, needs, machine);
  return found;
}

async function gather(context: Context, row: DeploymentRow, title: string, needs: Needs, found: Examination) {
  const { workspace, store } = context;
  const release = await store.releases.bySequence(workspace, row.client_id, row.profile_id, row.sequence);
  if (release === undefined) {
    found.untrusted.push({ title, reason: 'its release is not in the store' });
    return;
  }
  try {
    const { payload } = await verifiedRelease(context, release);
    const { programs, references } = needsOf(payload, title);
    needs.programs.push(...programs);
    needs.references.push(...references);
  } catch (error) {
    found.untrusted.push({ title, reason: error instanceof Error ? error.message : String(error) });
  }
}

async function examineClient(
  context: Context,
  client: ClientDefinition,
  machine: Machine,
  project: string | undefined,
  rows: readonly DeploymentRow[],
): Promise<ClientReport> {
  const deployments: DeploymentReport[] = [];
  for (const row of rows.filter((candidate) => candidate.client_id === client.client_id)) {
    const state = await stateOf(context, row);
    const gone = new Set(state.changes.filter(({ kind }) => kind === 'missing').map(({ server }) => server));
    const lost = state.changes.some(({ kind }) => kind === 'file_gone' || kind === 'unparsable');
    const owned = (row.ledger as Ledger).entries.map(([name]) => name);
    deployments.push({
      ...state,
      sequence: row.sequence,
      present: lost ? [] : owned.filter((name) => !gone.has(name)),
    });
  }
  return {
    client_id: client.client_id,
    display_name: client.display_name,
    installed: detectInstalled(client, machine, pathExists, (binary) => isOnPath(binary, machine.env)),
    files: await filesOf(client, machine, project),
    deployments,
    trust_steps: deployments.length > 0 ? [...(client.trust_steps ?? [])] : [],
  };
}

async function launcherReport(
  { services: { launcher } }: Context,
  rows: readonly DeploymentRow[],
): Promise<LauncherReport | null> {
  const { path } = launcher;
  const needed_by = rows.flatMap((row) =>
    (row.ledger as Ledger).entries
      .filter(([, native]) => JSON.stringify(native).includes(JSON.stringify(path)))
      .map(([name]) => `${row.client_id}/${row.profile_id}: ${name}`),
  );
  return needed_by.length === 0 ? null : { path, fault: (await launcher.fault()) ?? null, needed_by };
}

function programsOf(needs: Needs, machine: Machine): ProgramReport[] {
  const asked = [...RUNNERS.map((name) => ({ name, needed_by: '' })), ...needs.programs];
  return grouped(asked, ({ name }) => name).map(({ item, needed_by }) => ({
    name: item.name,
    path: findProgram(item.name, machine.env) ?? null,
    needed_by: needed_by.filter((name) => name !== ''),
  }));
}

async function referencesOf(context: Context, needs: Needs, machine: Machine): Promise<ReferenceReport[]> {
  const secrets = new Set((await context.services.secrets.names()).map(({ name }) => name));
  const isThere = {
    env: (name: string) => own(machine.env, name) !== undefined,
    secret: (name: string) => secrets.has(name),
  };
  return grouped(needs.references, ({ kind, name }) => `${kind}:${name}`).map(({ item, needed_by }) => ({
    kind: item.kind,
    name: item.name,
    // An input without a value was refused when it was deployed, unless it has a default.
    resolvable: item.kind === 'input' || isThere[item.kind](item.name),
    needed_by,
  }));
}
