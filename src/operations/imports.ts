import { z } from 'zod';
import { serverNames } from '../core/draft.ts';
import { safeParse } from '../core/safe-parse.ts';
import { assertNoSecret } from '../core/secrets/detector.ts';
import type { Asker } from './asker.ts';
import { assertRevision, saveDraft } from './current.ts';
import { type ImportPlan, planImport } from './imports/plan.ts';
import { assertNotLinked } from './links.ts';
import { type Context, defineOperation, invoke, type RunContext, type TextStyle } from './operation.ts';
import { DeployChoices } from './rollout/deploy.ts';
import { assertMayWriteHere } from './rollout/write.ts';
import { setSecret } from './secrets.ts';
import { DraftOutput, findTarget, IfRevision, TargetInput } from './shapes.ts';

const ImportInput = TargetInput.extend({
  config_scope: DeployChoices.config_scope,
  project: DeployChoices.project,
  config_path: z.string().max(4096).optional().meta({ description: 'The file, where it is at another place.' }),
  store_secrets: z.boolean().default(false).meta({
    description:
      'Put the values of literal secrets into the secret store of this machine. The draft has references either way.',
  }),
  replace: z
    .boolean()
    .default(false)
    .meta({ description: 'Take the place of entries of the draft with the same name.' }),
  if_revision: IfRevision,
});

const ImportOutput = DraftOutput.extend({
  status: z.literal('imported'),
  config_path: z.string(),
  imported: z.array(z.string()),
  skipped: z.array(z.object({ server_name: z.string(), reason: z.string() })),
  secrets: z.array(z.object({ server_name: z.string(), name: z.string(), stored: z.boolean() })),
  catalog_matches: z.array(z.object({ server_name: z.string(), server_id: z.string() })),
});
type ImportOutput = z.output<typeof ImportOutput>;

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Asks before values are taken out of the file into the store; nothing is read twice that a person would notice. */
async function askForSecrets(
  input: Record<string, unknown>,
  ask: Asker,
  context: Context,
): Promise<Record<string, unknown>> {
  const { data } = safeParse(ImportInput, input);
  if (data === undefined || input['store_secrets'] !== undefined || !(ask.attended || ask.yes)) return input;
  const client = await findTarget(context, data);
  const names = [...new Set((await planImport(context, client, data)).secrets.map(({ name }) => name))];
  if (names.length === 0) return input;
  const question = `The file has ${counted(names.length, 'secret')} in the open: ${names.join(', ')}. Store ${names.length === 1 ? 'it' : 'them'} on this machine?`;
  return { ...input, store_secrets: await ask.confirm(question, false) };
}

function textOf(output: ImportOutput, style: TextStyle, target: string): { out: string; note: string } {
  const matches = new Map(output.catalog_matches.map(({ server_name, server_id }) => [server_name, server_id]));
  const known = (name: string) => (matches.has(name) ? style.dim(`catalog server ${matches.get(name)}`) : '');
  const rows = [
    ...output.imported.map((name) => [style.bold(name), style.good('imported'), known(name)]),
    ...output.skipped.map(({ server_name, reason }) => [style.bold(server_name), style.warn('left alone'), reason]),
  ];
  const missing = [...new Set(output.secrets.filter(({ stored }) => !stored).map(({ name }) => name))];
  const stored = [...new Set(output.secrets.filter(({ stored }) => stored).map(({ name }) => name))];
  const notes = [
    ...(stored.length > 0 ? [`Stored on this machine: ${stored.join(', ')}.`] : []),
    ...missing.map((name) => `Not stored: run mcp-orchestration set-secret ${name} before you deploy.`),
    `Draft revision ${output.revision}. Next: mcp-orchestration publish-config${target}, then deploy-config --adopt --dry-run.`,
  ];
  const table = rows.length > 0 ? style.table(['server', '', ''], rows) : 'The file has no servers.';
  return { out: table, note: notes.join('\n') };
}

/** First the values, then the draft that refers to them: who is interrupted between the two has lost nothing. */
async function keepSecrets(context: RunContext, { secrets }: ImportPlan): Promise<void> {
  const values = new Map(secrets.map(({ name, value }) => [name, value]));
  for (const [name, value] of values) {
    if ((await context.services.secrets.get(name)) !== value) await invoke(setSecret, context, { name, value });
  }
}

export const importConfig = defineOperation({
  id: 'drafts.import',
  summary: "Turn the servers that stand in a client's file into the draft",
  description:
    'The file is only read. Literal secrets become references; what the neutral form cannot say is left alone and named. Afterwards publish, and deploy with `adopt`: entries that mean the same stay as they are, to the byte.',
  effect: 'write',
  transaction: 'own',
  input: ImportInput,
  output: ImportOutput,
  errors: [
    'CLIENT_NOT_FOUND',
    'PROFILE_NOT_FOUND',
    'NOT_FOUND',
    'CLIENT_NOT_WRITABLE',
    'CLIENT_FILE_UNPARSABLE',
    'DRAFT_CHANGED',
    'PROFILE_LINKED',
    'WRITE_FAILED',
    'UNAVAILABLE',
  ],
  permission: { needs: 'config:write', bound: 'never', installation: true },
  rest: { method: 'POST', path: '/v1/config/{client_id}/{profile_id}/import' },
  mcp: { tool: 'import_config', toolset: 'machine' },
  cli: {
    verb: 'import-config',
    flags: { client_id: 'client', profile_id: 'profile' },
    paths: ['project', 'config_path'],
    interact: askForSecrets,
    yes: 'store the secrets of the file on this machine without asking',
    text: textOf,
  },
  async run(context, input) {
    assertMayWriteHere(context, 'import-config');
    const client = await findTarget(context, input);
    await assertNotLinked(context, input);
    const plan = await planImport(context, client, input);
    assertRevision(plan.from, input.if_revision);
    assertNoSecret(plan.payload);
    if (input.store_secrets) await keepSecrets(context, plan);
    const changed = plan.imported.length > 0;
    const revision = await context.store.transaction(async (store) => {
      const next = changed
        ? await saveDraft({ ...context, store }, input, plan.from, plan.payload)
        : plan.from.revision;
      const facts = { status: 'imported', revision: next, server_count: plan.imported.length };
      await store.audit.append(context.workspace, context.auditRow(facts));
      return next;
    });
    const secrets = [];
    for (const { server_name, name, value } of plan.secrets) {
      secrets.push({ server_name, name, stored: (await context.services.secrets.get(name)) === value });
    }
    return {
      status: 'imported' as const,
      config_path: plan.place.config_path,
      imported: plan.imported,
      skipped: plan.skipped,
      secrets,
      catalog_matches: plan.catalog_matches,
      draft: plan.payload,
      server_count: serverNames(plan.payload).length,
      revision,
    };
  },
});
