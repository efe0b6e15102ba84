import { z } from 'zod';
import { ArtifactId } from '../core/ids.ts';
import { defineOperation, type TextStyle } from './operation.ts';
import { DEPLOY_ERRORS, DeployChoices, DeployOutput, deployHere } from './rollout/deploy.ts';
import { assertMayWriteHere } from './rollout/write.ts';
import { findTarget, TargetInput } from './shapes.ts';

export const ConfigPath = z
  .string()
  .max(4096)
  .optional()
  .meta({ description: 'Another file than the usual one; inside the home directory.' });

const DeployInput = TargetInput.extend({
  artifact_id: ArtifactId.optional().meta({
    description: 'Pin an artifact that was published before; the latest release when left out.',
  }),
  ...DeployChoices,
  config_path: ConfigPath,
  expect_file_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable()
    .optional()
    .meta({
      description: 'Only when the file still is the one that was planned on; null: only when there is none.',
    }),
});

/** A diff of entries, coloured line by line. */
export const colouredDiff = (diff: string, style: TextStyle): string =>
  diff
    .split('\n')
    .map((line) => (line.startsWith('+') ? style.good(line) : line.startsWith('-') ? style.bad(line) : line))
    .join('\n');

/** What became of one client's file. */
export function deployedText(output: z.output<typeof DeployOutput>, style: TextStyle): { out: string; note: string } {
  const { added, updated, removed, kept_foreign } = output.changes;
  const counts = `${added.length} added, ${updated.length} updated, ${removed.length} removed, ${kept_foreign.length} of others kept`;
  const head = {
    planned: `${style.warn('Planned')} for ${output.config_path}: ${counts}`,
    unchanged: `${style.dim('Unchanged')}: ${output.config_path} already has release ${output.sequence}`,
    deployed: `${style.good('Deployed')} release ${output.sequence} to ${output.config_path}: ${counts}`,
  }[output.status];
  const asking = output.asked.length === 0 ? '' : ` The client will ask for ${output.asked.join(', ')}.`;
  const warnings = output.findings.map((finding) => style.warn(`! ${finding.message}`));
  return {
    out: [head, ...(output.plan?.diff ? [colouredDiff(output.plan.diff, style)] : []), ...warnings].join('\n'),
    note:
      output.status === 'planned'
        ? 'Nothing was written. Leave out --dry-run to write it.'
        : output.status === 'deployed'
          ? `To take effect: ${output.restart_hint}.${asking}${output.backup_path ? ` The old file is kept at ${output.backup_path}` : ''}`
          : '',
  };
}

export const deployConfig = defineOperation({
  id: 'deployments.deploy',
  summary: "Merge a release into the client's own file on this machine",
  description: 'Only owned entries change; every other byte stays. `dry_run` shows the plan first. A backup is kept.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: DeployInput,
  output: DeployOutput,
  errors: [...DEPLOY_ERRORS, 'ARTIFACT_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, installation: true },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/deploy' },
  mcp: { tool: 'deploy_config' },
  cli: {
    verb: 'deploy-config',
    flags: { client_id: 'client', profile_id: 'profile', artifact_id: 'artifact', inputs: 'input' },
    paths: ['project', 'config_path'],
    text: deployedText,
  },
  async run(context, input) {
    assertMayWriteHere(context, 'deploy-config');
    return deployHere(context, await findTarget(context, input), input);
  },
});
