import type { Inspection } from '../../stores/inspect/inspect.ts';
import { putBackCommand, sentenceOf } from '../drift.ts';
import type { ClientReport, DeploymentReport, Examination, LauncherReport, ReferenceReport } from './examine.ts';

export interface Problem {
  code: string;
  severity: 'error' | 'warning';
  client_id: string | null;
  message: string;
  hint: string;
  /** Of what a deep look found: where it stands in the store. */
  table?: string | null;
  key?: string | null;
}

/** Nobody reads fifty of a kind; the codes of the rest are counted. */
export function problemsOfStore({ problems, left_out }: Inspection): Problem[] {
  return [
    ...problems.map(({ table, key, message, ...problem }) => ({
      ...problem,
      client_id: null,
      table,
      key,
      message: table === null ? message : `${table} ${key ?? ''}: ${message}`,
    })),
    ...left_out.map(({ code, count }) => ({
      code,
      severity: 'warning' as const,
      client_id: null,
      message: `${count} more of them are not listed.`,
      hint: 'Mend what is listed, then look again.',
    })),
  ];
}

/** What of an examination is wrong. Pure: the same examination has the same problems. */
export function problemsOf(found: Examination): Problem[] {
  return [
    ...found.untrusted.map(({ title, reason }) => ({
      code: 'RELEASE_NOT_TRUSTED',
      severity: 'error' as const,
      client_id: title.split('/')[0] ?? null,
      message: `What is deployed for ${title} does not verify: ${reason}`,
      hint: 'Publish and deploy again from a store that you trust; the launcher does not start it until then.',
    })),
    ...found.clients.flatMap((client) => [...problemsOfFiles(client), ...problemsOfDeployments(client)]),
    ...problemsOfLauncher(found.launcher),
    ...found.programs
      .filter(({ path, needed_by }) => path === null && needed_by.length > 0)
      .map(({ name, needed_by }) => ({
        code: 'COMMAND_NOT_FOUND',
        severity: 'error' as const,
        client_id: null,
        message: `${name} is not on PATH; it is needed by ${needed_by.join(', ')}.`,
        hint: hintFor(name),
      })),
    ...found.references.filter(({ resolvable }) => !resolvable).map(problemOfReference),
  ];
}

function problemsOfLauncher(launcher: LauncherReport | null): Problem[] {
  if (launcher === null || launcher.fault === null) return [];
  const { path, fault, needed_by } = launcher;
  return [
    {
      code: 'LAUNCHER_BROKEN',
      severity: 'error',
      client_id: null,
      message: `${path} cannot start servers: ${fault}. It is needed by ${needed_by.join(', ')}.`,
      hint: 'Deploy one of them again: that writes it anew, also when nothing else has changed.',
    },
  ];
}

const INSTALL: ReadonlyMap<string, string> = new Map([
  ['node', 'Install Node from https://nodejs.org, in a place that graphical applications find too.'],
  ['npx', 'npx comes with Node: https://nodejs.org.'],
  ['uv', 'Install uv from https://docs.astral.sh/uv.'],
  ['uvx', 'uvx comes with uv: https://docs.astral.sh/uv.'],
  ['docker', 'Install Docker, and start it.'],
]);
const hintFor = (name: string) => INSTALL.get(name) ?? 'Install it, or write its absolute path into the entry.';

function problemsOfFiles(client: ClientReport): Problem[] {
  const { client_id, files } = client;
  const broken = files
    .filter(({ parses, wins }) => parses === false && wins)
    .map(({ path, detail }) => ({
      code: 'FILE_UNREADABLE',
      severity: 'error' as const,
      client_id,
      message: `${path} cannot be read: ${detail ?? 'it does not parse'}`,
      hint: 'Mend the file with an editor; nothing is written to it until then. `list-backups` names earlier versions.',
    }));
  const stale = files
    .filter(({ wins, servers }) => !wins && servers.length > 0)
    .map(({ path, servers }) => ({
      code: 'FILE_NOT_READ',
      severity: 'warning' as const,
      client_id,
      message: `${path} has servers (${servers.join(', ')}), but ${client.display_name} reads another file.`,
      hint: 'Take what you still need over by hand, and remove the old file.',
    }));
  const fixed = files
    .filter(({ parses, wins, detail }) => parses === true && wins && detail !== undefined)
    .map(({ path, detail }) => ({
      code: 'FILE_NOT_CHANGEABLE',
      severity: 'warning' as const,
      client_id,
      message: `${path} can be read, but a deployment cannot change it: ${detail}`,
      hint: 'Write that part of the file in another form before you deploy; nothing is written to it until then.',
    }));
  return [...broken, ...stale, ...fixed];
}

function problemsOfDeployments({ client_id, deployments }: ClientReport): Problem[] {
  return deployments
    .filter(({ drift }) => drift)
    .map((deployment) => {
      const { profile_id, config_path, changes } = deployment;
      const ours = changes.some(({ kind }) => kind !== 'foreign_new');
      return {
        code: ours ? 'DRIFT' : 'NEW_SERVER',
        severity: ours ? ('error' as const) : ('warning' as const),
        client_id,
        message: `${config_path} is not as profile ${profile_id} left it: ${changes.map(sentenceOf).join('; ')}.`,
        hint: hintForDrift(deployment, ours),
      };
    });
}

function hintForDrift(deployment: DeploymentReport, ours: boolean): string {
  if (!ours) return 'Somebody added a server there. Make sure that it was you; the next deployment takes note of it.';
  const command = `\`${putBackCommand(deployment)}\``;
  const unreadable = deployment.changes.some(({ kind }) => kind === 'unparsable');
  return unreadable
    ? `Mend the file first. If ours is then not as it was: ${command}.`
    : `Put it back with ${command}.`;
}

function problemOfReference({ kind, name, needed_by }: ReferenceReport): Problem {
  const hints = {
    env: 'Set the variable where the client is started; a terminal that sets it for itself is not enough.',
    secret: `Store it: mcp-orchestration set-secret ${name}`,
    input: `Give it when deploying: --input ${name}=VALUE`,
  };
  return {
    code: kind === 'env' ? 'VARIABLE_NOT_SET' : kind === 'secret' ? 'SECRET_NOT_FOUND' : 'INPUT_NOT_GIVEN',
    // Another program may well start the client with other variables than this terminal has.
    severity: kind === 'env' ? 'warning' : 'error',
    client_id: null,
    message: `\${${kind}:${name}} has no value here; it is needed by ${needed_by.join(', ')}.`,
    hint: hints[kind],
  };
}
