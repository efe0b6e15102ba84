import { z } from 'zod';
import { ClientId, ProfileId, Timestamp } from '../core/ids.ts';
import { examine } from './doctor/examine.ts';
import { problemsOf, problemsOfStore } from './doctor/problems.ts';
import { DriftChange } from './drift.ts';
import { defineOperation, type TextStyle } from './operation.ts';
import { findClient } from './shapes.ts';

const FileReport = z.object({
  config_scope: z.string(),
  path: z.string(),
  exists: z.boolean(),
  wins: z.boolean(),
  parses: z.boolean().nullable(),
  servers: z.array(z.string()),
  detail: z.string().optional(),
});

const Deployed = z.object({
  client_id: ClientId,
  profile_id: ProfileId,
  config_path: z.string(),
  sequence: z.int(),
  present: z.array(z.string()),
  drift: z.boolean(),
  up_to_date: z.boolean(),
  changes: z.array(DriftChange),
});

const DoctorOutput = z.object({
  healthy: z.boolean(),
  checked_at: Timestamp,
  clients: z.array(
    z.object({
      client_id: ClientId,
      display_name: z.string(),
      installed: z.boolean(),
      files: z.array(FileReport),
      deployments: z.array(Deployed),
      trust_steps: z.array(z.string()),
    }),
  ),
  programs: z.array(z.object({ name: z.string(), path: z.string().nullable(), needed_by: z.array(z.string()) })),
  references: z.array(
    z.object({
      kind: z.enum(['env', 'secret', 'input']),
      name: z.string(),
      resolvable: z.boolean(),
      needed_by: z.array(z.string()),
    }),
  ),
  launcher: z
    .object({ path: z.string(), fault: z.string().nullable(), needed_by: z.array(z.string()) })
    .nullable()
    .meta({ description: 'What entries call whose client cannot resolve references; null when none does.' }),
  store: z
    .object({ tables: z.array(z.object({ table: z.string(), rows: z.int() })) })
    .nullable()
    .meta({ description: 'What a deep look has read; null without one.' }),
  problems: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['error', 'warning']),
      client_id: ClientId.nullable(),
      message: z.string(),
      hint: z.string(),
      table: z.string().nullable().optional(),
      key: z.string().nullable().optional().meta({ description: 'The primary key of the row, with slashes between.' }),
    }),
  ),
});
type DoctorOutput = z.infer<typeof DoctorOutput>;

function filesTable({ clients }: DoctorOutput, style: TextStyle): string {
  const rows = clients.flatMap(({ display_name, installed, files }) =>
    files
      .filter(({ exists, config_scope }) => exists || config_scope === files[0]?.config_scope)
      .map((file) => [
        style.bold(display_name),
        installed ? style.good('yes') : style.dim('no'),
        file.path,
        stateOfFile(file, style),
        file.servers.join(', '),
      ]),
  );
  return style.table(['client', 'installed', 'file', 'state', 'servers'], rows);
}

function stateOfFile({ exists, parses, wins, detail }: z.infer<typeof FileReport>, style: TextStyle): string {
  if (!exists) return style.dim('none');
  if (parses === false) return style.bad('unreadable');
  if (!wins) return style.warn('not read');
  if (detail !== undefined) return style.warn('cannot be changed');
  return parses === null ? style.dim('not looked into') : style.good('fine');
}

function textOf(output: DoctorOutput, style: TextStyle): string {
  const programs = output.programs.map(
    ({ name, path }) =>
      `  ${path === null ? style.warn('not found') : style.good('found    ')}  ${name}  ${path ?? ''}`,
  );
  const trust = output.clients.flatMap(({ display_name, trust_steps }) =>
    trust_steps.map((step) => `  ${display_name}: ${step}`),
  );
  const problems = output.problems.flatMap(({ severity, message, hint }) => [
    `${severity === 'error' ? style.bad('error') : style.warn('warning')}: ${message}`,
    `  ${hint}`,
  ]);
  return [
    output.clients.length > 0 ? filesTable(output, style) : 'No AI client was found on this machine.',
    '',
    'Programs that servers are started with:',
    ...programs,
    ...(trust.length > 0 ? ['', 'What only you can do:', ...trust] : []),
    ...storeLines(output),
    '',
    ...(problems.length > 0 ? problems : [style.good('Nothing is wrong.')]),
  ].join('\n');
}

function storeLines({ store }: DoctorOutput): string[] {
  if (store === null) return [];
  const counts = store.tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => `${table} ${rows}`);
  return ['', `Every row of the store was looked at: ${counts.join(', ')}.`];
}

/** `doctor`: looks at every client of this machine, at our entries and at what they need. It starts nothing and changes nothing. */
export const doctor = defineOperation({
  id: 'doctor.examine',
  summary: 'Look for what keeps servers from starting: files, our entries, programs, secrets',
  description:
    'Says per client what is installed, which files exist and which one wins, whether they parse, and what of ours is in them. With --deep also whether every row of the store is as it has to be: digests, signatures, numbers, and what refers to what. Ends with 7 when something is wrong.',
  effect: 'read',
  input: z.strictObject({
    client_id: ClientId.optional().meta({ description: 'Only this client.' }),
    project: z.string().max(4096).optional().meta({ description: 'Look at the files of this project as well.' }),
    deep: z.boolean().default(false).meta({
      description:
        'Compare every row of the store with all others, at one instant. Takes a minute for 100,000 releases.',
    }),
  }),
  output: DoctorOutput,
  errors: ['CLIENT_NOT_FOUND'],
  permission: { needs: 'config:deploy', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'doctor',
    flags: { client_id: 'client' },
    paths: ['project'],
    text: (output, style) => ({ out: textOf(output, style) }),
    exit: ({ problems }) => (problems.some(({ severity }) => severity === 'error') ? 7 : 0),
  },
  async run(context, input) {
    if (input.client_id !== undefined) await findClient(context, input.client_id);
    const found = await examine(context, input);
    const store = input.deep ? await context.services.inspectStore(context.progress) : null;
    const problems = [...problemsOf(found), ...(store === null ? [] : problemsOfStore(store))];
    const healthy = problems.every(({ severity }) => severity !== 'error');
    const { clients, programs, references, launcher } = found;
    return {
      healthy,
      checked_at: context.now().toISOString(),
      clients,
      programs,
      references,
      launcher,
      store: store && { tables: store.tables },
      problems,
    };
  },
});
