import { createHash, randomUUID } from 'node:crypto';
import { RENDERER_VERSION } from '../../clients/render.ts';
import { failpoint } from '../../io/failpoint.ts';
import type { DeploymentRow } from '../../stores/rows.ts';
import type { RunContext } from '../operation.ts';
import { deployedEvent, factsOfDeployment } from './ledger.ts';
import type { Plan } from './plan.ts';
import { planCopy, removeLeftovers, writeUnderIntent } from './write.ts';

/** Backup and intent, file, outcome: in this order, so that a kill at any point can be judged afterwards. */
export async function applyPlan(context: RunContext, plan: Plan): Promise<DeploymentRow> {
  const { store, workspace } = context;
  const { place, disk, text } = plan;
  const writes = text !== null && text !== disk.file?.text;
  const deployed_at = context.now().toISOString();
  // Before the file names it: an entry that calls what is not there would be a server that never starts.
  await context.services.launcher.ensure();
  const copy = writes ? await planCopy(context, { place, file: disk.file, at: deployed_at }) : null;
  const row = rowOf(plan, { deployed_at, backup_path: copy?.path ?? null });
  if (writes) await writeUnderIntent(context, 'deploy', row, { place, content: text, copy });
  else await removeLeftovers(context, place);
  await store.transaction(async (transaction) => {
    if (writes) await transaction.deployments.setStatus(workspace, row.deployment_id, 'done');
    else await transaction.deployments.insert(workspace, { ...row, status: 'done' });
    await transaction.audit.append(workspace, context.auditRow(factsOfDeployment(row), row));
    await context.emit(transaction, deployedEvent(row));
    failpoint('deploy.before-commit');
  });
  failpoint('deploy.after-commit');
  return row;
}

function rowOf(plan: Plan, at: { deployed_at: string; backup_path: string | null }): DeploymentRow {
  const { place, release, rendering, disk, text } = plan;
  const before_sha256 = disk.file?.sha256 ?? null;
  return {
    deployment_id: `dep_${randomUUID()}`,
    machine_id: place.machine.machine_id,
    client_id: release.client_id,
    profile_id: release.profile_id,
    artifact_id: release.artifact_id,
    sequence: release.sequence,
    config_scope: place.scope.scope,
    config_path: place.config_path,
    target_path: place.target.path,
    pointer: place.scope.pointer,
    project: place.project,
    explicit_path: place.explicit_path,
    previous_deployment_id: plan.previous?.deployment_id ?? null,
    status: 'intent',
    pinned: plan.pinned,
    before_sha256,
    after_sha256: text === null ? '' : createHash('sha256').update(text, 'utf8').digest('hex'),
    renderer_version: RENDERER_VERSION,
    native_sha256: rendering.native_sha256,
    ledger: plan.ledger,
    ...at,
  };
}
