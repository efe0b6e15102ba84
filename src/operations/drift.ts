import { z } from 'zod';
import { clientById } from '../clients/index.ts';
import { reaches } from '../core/binding.ts';
import { entryDiff } from '../core/entry-diff.ts';
import { AppError, isNewerSchema } from '../core/errors.ts';
import { ArtifactId, ClientId, ProfileId } from '../core/ids.ts';
import { clientsOwn, driftOf, type Entries } from '../core/merge.ts';
import type { JsonValue } from '../core/payload.ts';
import { without } from '../core/splice/equality.ts';
import type { DeploymentRow } from '../stores/rows.ts';
import { knownClient } from './added-clients.ts';
import { colouredDiff } from './deployments.ts';
import { type Context, defineOperation, type RunContext, type TextStyle } from './operation.ts';
import { askedDrift } from './rollout/asked.ts';
import { type Ledger, settleIntents, underWriterLock } from './rollout/ledger.ts';
import { diskOf, type Place, placeOf } from './rollout/place.ts';
import { findClient } from './shapes.ts';
import { shellWord } from './words.ts';

export const DriftChange = z.object({
  server: z.string().nullable(),
  kind: z.enum(['changed', 'missing', 'foreign_new', 'file_gone', 'unparsable']),
  detail: z.string().optional(),
  diff: z.string().optional().meta({
    description:
      'Of an entry of ours: lines with - are what was deployed, lines with + what is there. Secrets are masked.',
  }),
});
export type DriftChange = z.infer<typeof DriftChange>;

export const DeploymentState = z.object({
  client_id: ClientId,
  profile_id: ProfileId,
  config_path: z.string(),
  config_scope: z.string(),
  project: z.string().nullable(),
  explicit_path: z.boolean().meta({ description: 'The deployment named the file, with `config_path`.' }),
  drift: z.boolean(),
  up_to_date: z.boolean(),
  latest_artifact_id: ArtifactId.nullable(),
  changes: z.array(DriftChange),
});
/** A deployment against what is on disk at this moment, and against what was published since. */
export type DeploymentState = z.infer<typeof DeploymentState>;

/** Compares the file of a deployment with the ledger. A file that cannot be read is a finding here, not a failure. */
export async function stateOf(context: Context, row: DeploymentRow): Promise<DeploymentState> {
  const changes = await changesOf(context, row);
  const { client_id, profile_id, config_path, config_scope, project, explicit_path } = row;
  const { up_to_date, latest_artifact_id } = await freshnessOf(context, row);
  const place = { client_id, profile_id, config_path, config_scope, project, explicit_path };
  return { ...place, drift: changes.length > 0, up_to_date, latest_artifact_id, changes };
}

/** Whether a deployment is that of the latest release. */
export async function freshnessOf({ store, workspace }: Context, { client_id, profile_id, sequence }: DeploymentRow) {
  const latest = await store.releases.latest(workspace, client_id, profile_id);
  return { up_to_date: latest?.sequence === sequence, latest_artifact_id: latest?.artifact_id ?? null };
}

async function changesOf(context: Context, row: DeploymentRow): Promise<DriftChange[]> {
  const client = await knownClient(context, row.client_id);
  if (client === undefined) return unreadable('the client is not known to this version');
  try {
    const place = await placeOf(context, client, row);
    return await changesOnDisk(place, row.ledger as Ledger, client.state_fields);
  } catch (error) {
    // Whatever keeps us from reading it (a link that leads elsewhere, missing rights) keeps us from vouching for it.
    if (error instanceof AppError) return unreadable(error.message);
    throw error;
  }
}

const unreadable = (detail: string): DriftChange[] => [{ server: null, kind: 'unparsable', detail }];

async function changesOnDisk(place: Place, ledger: Ledger, state_fields: readonly string[]): Promise<DriftChange[]> {
  const owned: Entries = new Map(ledger.entries);
  const { file, entries } = await diskOf(place, owned.keys());
  if (file === null) return [{ server: null, kind: 'file_gone' }];
  const known = new Set([...owned.keys(), ...ledger.foreign]);
  const news = [...entries.keys()].filter((name) => !known.has(name));
  return [
    ...driftOf(owned, entries, state_fields).map((drift) => ({
      ...drift,
      diff: diffOf(drift.server, { left: owned.get(drift.server), now: entries.get(drift.server) }, state_fields),
    })),
    ...askedDrift(place, ledger, file.text).map(({ name, before, after, ...drift }) => ({
      ...drift,
      diff: entryDiff([{ name, before, after }]),
    })),
    ...news.map((server) => ({ server, kind: 'foreign_new' as const })),
  ];
}

/** Without what the client itself writes into the entry, which is no drift. */
function diffOf(
  name: string,
  { left, now }: { left: JsonValue | undefined; now: JsonValue | undefined },
  state_fields: readonly string[],
): string {
  const fields = clientsOwn(state_fields, left);
  const shown = (value: JsonValue | undefined) => value && without(value, fields);
  return entryDiff([{ name, before: shown(left), after: shown(now) }]);
}

/**
 * Looks, and looks again under the writer's lock when it found drift or an open intent: between the file and its outcome
 * in the ledger the two differ, so only what is seen while nobody writes is drift. Intents of killed processes are
 * settled on the way.
 */
export async function whileNobodyWrites<T>(
  context: RunContext,
  concerns: (row: DeploymentRow) => boolean,
  look: () => Promise<T>,
  isDrift: (seen: T) => boolean,
): Promise<T> {
  if ((await openIntents(context, concerns)).length === 0) {
    const seen = await look();
    if (!isDrift(seen)) return seen;
  }
  return underWriterLock(context, async () => {
    await unlessOnlyRead(() => settleOpenIntents(context, concerns));
    return look();
  });
}

/** What a look changes on the side is left where changes are refused: its caller is answered all the same. */
async function unlessOnlyRead(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isNewerSchema(error)) throw error;
  }
}

/**
 * Settles what killed processes left behind; only under the writer's lock. An intent whose file cannot be reached now (a
 * link that leads elsewhere, missing rights) cannot be judged, and waits.
 */
export async function settleOpenIntents(context: RunContext, concerns: (row: DeploymentRow) => boolean): Promise<void> {
  for (const row of await openIntents(context, concerns)) {
    const client = await knownClient(context, row.client_id);
    try {
      if (client) await settleIntents(context, await placeOf(context, client, row), client.state_fields);
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'UNAVAILABLE') throw error;
      const { deployment_id } = row;
      context.services.log.warn({ err: error, deployment_id }, 'an interrupted deployment could not be settled');
    }
  }
}

/** What killed processes left behind. Also what a living one is doing: it holds the writer's lock. */
async function openIntents({ services, store, workspace }: Context, concerns: (row: DeploymentRow) => boolean) {
  const { machine_id } = await services.machine();
  return (await store.deployments.unsettled(workspace, machine_id)).filter(concerns);
}

/** Whoever looks every minute has the same drift told once, until something is deployed or the drift is another one. */
async function tellDrift(context: RunContext, { client_id, profile_id, changes }: DeploymentState): Promise<void> {
  const { store, workspace } = context;
  const data = { changes: changes.map(({ server, kind }) => `${server ?? 'file'}: ${kind}`).join(', ') };
  const told = await store.events.latest(workspace, 'config.drift_detected', client_id, profile_id);
  const deployed = await store.events.latest(workspace, 'config.deployed', client_id, profile_id);
  if (told && told.data['changes'] === data.changes && told.number > (deployed?.number ?? 0)) return;
  await context.emit(store, { type: 'config.drift_detected', target: { client_id, profile_id }, data });
}

const WORDS: Readonly<Record<DriftChange['kind'], string>> = {
  changed: 'changed',
  missing: 'taken out',
  foreign_new: 'new, and not from here',
  file_gone: 'the file is gone',
  unparsable: 'cannot be read',
};

/** One line for a person: `docs: changed (args)`. */
export const sentenceOf = ({ server, kind, detail }: DriftChange): string =>
  `${server === null ? '' : `${server}: `}${WORDS[kind]}${detail === undefined ? '' : ` (${detail})`}`;

/** The command that writes our entries back to where they were. */
export function putBackCommand(state: Omit<DeploymentState, 'changes'>): string {
  const { client_id, profile_id, config_scope, project, explicit_path, config_path } = state;
  const words = ['mcp-orchestration', 'deploy-config', '--client', client_id, '--profile', profile_id];
  if (explicit_path) words.push('--config-path', config_path);
  const usual = clientById(client_id)?.deployable_scopes[0];
  if (config_scope !== usual) words.push('--config-scope', config_scope);
  if (project !== null) words.push('--project', project);
  return [...words, '--on-drift', 'overwrite'].map(shellWord).join(' ');
}

/** Only an entry of ours, or a file that is gone, can be put back. */
export const canBePutBack = ({ changes }: Pick<DeploymentState, 'changes'>) =>
  changes.some(({ kind }) => kind === 'changed' || kind === 'missing' || kind === 'file_gone');

export const diffLines = (changes: readonly DriftChange[], style: TextStyle): string[] =>
  changes.flatMap(({ diff }) => (diff === undefined ? [] : [colouredDiff(diff, style)]));

function textOf(deployments: readonly DeploymentState[], style: TextStyle): { out: string; note: string } {
  if (deployments.length === 0) return { out: 'Nothing is deployed on this machine.', note: '' };
  const table = style.table(
    ['client', 'profile', 'file', 'drift', 'latest', 'what'],
    deployments.map((row) => [
      style.bold(row.client_id),
      row.profile_id,
      row.config_path,
      row.drift ? style.bad('yes') : style.good('no'),
      row.up_to_date ? style.good('yes') : style.warn('no'),
      row.changes.map(sentenceOf).join('\n'),
    ]),
  );
  const diffs = deployments.flatMap(({ config_path, changes }) => {
    const lines = diffLines(changes, style);
    return lines.length === 0 ? [] : [style.bold(config_path), ...lines];
  });
  const commands = deployments.filter(canBePutBack).map((state) => `  ${putBackCommand(state)}`);
  return {
    out: [table, ...diffs].join('\n'),
    note: commands.length === 0 ? '' : ['Put our entries back with:', ...commands].join('\n'),
  };
}

export const driftStatus = defineOperation({
  id: 'deployments.drift',
  summary: 'Say for every deployment on this machine whether its file still is as it was left',
  description: 'Our entries that were changed or taken out, servers that are new, files that are gone or unreadable.',
  effect: 'read',
  // It may settle what a killed deployment left behind, and waits for the writer's lock to do so.
  transaction: 'own',
  input: z.strictObject({
    client_id: ClientId.optional().meta({ description: 'Only this client; all of them when left out.' }),
    check: z.boolean().default(false).meta({ description: 'On the command line: end with 7 when there is drift.' }),
  }),
  output: z.object({ deployments: z.array(DeploymentState), drift_count: z.int(), check: z.boolean() }),
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', bound: 'narrowed', installation: true },
  rest: { method: 'GET', path: '/v1/drift' },
  mcp: { tool: 'drift_status', toolset: 'machine' },
  cli: {
    verb: 'drift-status',
    flags: { client_id: 'client' },
    text: ({ deployments }, style) => textOf(deployments, style),
    exit: ({ check, drift_count }) => (check && drift_count > 0 ? 7 : 0),
  },
  async run(context, { client_id, check }) {
    if (client_id !== undefined) await findClient(context, client_id);
    const { store, workspace, services, principal } = context;
    const { machine_id } = await services.machine();
    const concerns = (row: DeploymentRow) =>
      (client_id === undefined || row.client_id === client_id) && reaches(principal.binding, row);
    const look = async () => {
      const rows = (await store.deployments.currents(workspace, machine_id)).filter(concerns);
      const deployments: DeploymentState[] = [];
      for (const row of rows) deployments.push(await stateOf(context, row));
      return deployments;
    };
    const deployments = await whileNobodyWrites(context, concerns, look, (seen) => seen.some(({ drift }) => drift));
    for (const state of deployments) if (state.drift) await unlessOnlyRead(() => tellDrift(context, state));
    return { deployments, drift_count: deployments.filter(({ drift }) => drift).length, check };
  },
});
