import { pathExists } from '../../io/which.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import { deployConfig } from '../deployments.ts';
import { canBePutBack, type DeploymentState } from '../drift.ts';
import { invoke, type RunContext, refusal } from '../operation.ts';

/** So often within this time the same release is put into a file again; then something else is stronger. */
export const MOST_HEALS = 3;
const HEALS_MS = 10 * 60_000;

export interface Healing {
  client_id: string;
  profile_id: string;
  config_path: string;
  /** `held_back`: it was put back too often. */
  status: 'put_back' | 'held_back' | 'failed';
  detail: string;
}

/** Puts our entries back where they were changed, taken out, or went with their file. Other drift is for people. */
export async function heal(context: RunContext, states: readonly DeploymentState[]): Promise<Healing[]> {
  const healed: Healing[] = [];
  for (const state of states) if (state.drift && canBePutBack(state)) healed.push(await healOne(context, state));
  return healed;
}

async function healOne(context: RunContext, state: DeploymentState): Promise<Healing> {
  const { client_id, profile_id, config_path } = state;
  const about = { client_id, profile_id, config_path };
  // A project that was removed, or whose disk is not there, is not made anew for one file.
  if (state.project !== null && !pathExists(state.project))
    return { ...about, status: 'failed', detail: 'its project directory is not there' };
  const row = await rowOf(context, state);
  const before = row === undefined ? 0 : await repeatsOf(context, row);
  if (before >= MOST_HEALS) {
    const detail = `it was put back ${before} times within ten minutes, and something changes it again: find out what`;
    return { ...about, status: 'held_back', detail };
  }
  try {
    await invoke(deployConfig, context, {
      client_id,
      profile_id,
      config_scope: state.config_scope,
      ...(state.project !== null && { project: state.project }),
      ...(state.explicit_path && { config_path }),
      // What was deployed comes back: a newer release is for those who deploy.
      ...(row !== undefined && (row.pinned || !state.up_to_date) && { artifact_id: row.artifact_id }),
      on_drift: 'overwrite',
    });
    return { ...about, status: 'put_back', detail: `${before + 1} of at most ${MOST_HEALS} times within ten minutes` };
  } catch (error) {
    return { ...about, status: 'failed', detail: refusal(error, context).problem.message };
  }
}

async function rowOf({ store, workspace, services }: RunContext, state: DeploymentState) {
  const { machine_id } = await services.machine();
  const rows = await store.deployments.currents(workspace, machine_id);
  return rows.find(
    ({ client_id, profile_id, config_path }) =>
      client_id === state.client_id && profile_id === state.profile_id && config_path === state.config_path,
  );
}

/** How often the release of a deployment was lately written into its file once more: each time was a repair. */
async function repeatsOf(context: RunContext, row: DeploymentRow): Promise<number> {
  const { store, workspace } = context;
  const { client_id, profile_id, machine_id } = row;
  const since = context.now().getTime() - HEALS_MS;
  const same: DeploymentRow[] = [];
  // The profile may be deployed into many files: those of one may be far apart.
  for (let cursor: string | undefined; ; ) {
    const page = await store.deployments.list(workspace, machine_id, { client_id, profile_id }, { limit: 100, cursor });
    same.push(...page.rows.filter(({ config_path }) => config_path === row.config_path));
    if (page.next_cursor === null || same.some(({ deployed_at }) => Date.parse(deployed_at) <= since)) break;
    cursor = page.next_cursor;
  }
  return same.filter((one, i) => {
    const older = same[i + 1];
    const again = one.sequence === row.sequence && older?.sequence === row.sequence && older.status === 'done';
    return again && Date.parse(one.deployed_at) > since;
  }).length;
}
