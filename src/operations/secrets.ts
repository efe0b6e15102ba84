import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { Timestamp } from '../core/ids.ts';
import { nearest } from '../core/nearest.ts';
import { isReferenceName } from '../core/references.ts';
import { defineOperation } from './operation.ts';

/** The secrets of this machine. They never leave it, and no door but the command line reaches them. */

const Name = z
  .string()
  .refine((name) => isReferenceName('secret', name), {
    error:
      'a secret name is 1 to 128 letters, digits, dots, underscores and hyphens, and begins with a letter or digit',
  })
  .meta({ description: 'NAME in `${secret:NAME}`, which stands for it in configurations.' });
const Backend = z.enum(['keychain', 'file']);
const MAX_BYTES = 64 * 1024;

function assertValue(value: string): void {
  if (value === '') throw invalidInput('value', 'the secret is empty: pipe it in, or type it when you are asked');
  if (value.includes('\0'))
    throw invalidInput('value', 'a secret holds no NUL: it could not be put into an environment');
  if (Buffer.byteLength(value) > MAX_BYTES) throw invalidInput('value', 'a secret has at most 64 KiB');
}

export const setSecret = defineOperation({
  id: 'secrets.set',
  summary: 'Store a secret on this machine, for ${secret:NAME}',
  description:
    'The value is read from standard input, or asked for without showing it; it is never a flag. It goes into the keychain of the system, or encrypted into a file.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: z.strictObject({ name: Name, value: z.string().meta({ description: 'The value of the secret.' }) }),
  output: z.object({ status: z.enum(['stored', 'replaced']), name: z.string(), backend: Backend }),
  errors: ['WRITE_FAILED', 'UNAVAILABLE'],
  permission: { needs: 'secrets:admin', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'set-secret',
    positional: ['name'],
    secret: 'value',
    completes: { name: 'secret_name' },
    text: ({ status, name, backend }, style) => ({
      out: `${style.good(status === 'stored' ? 'Stored' : 'Replaced')} ${name} in the ${backend === 'keychain' ? 'keychain of this account' : 'encrypted file of this account'}`,
      note: `Use it as \${secret:${name}} in arguments, variables, headers and URLs.`,
    }),
  },
  async run(context, { name, value }) {
    assertValue(value);
    const { backend, replaced } = await context.services.secrets.set(name, value, context.now().toISOString());
    await context.store.audit.append(context.workspace, context.auditRow({ name, backend }));
    return { status: replaced ? ('replaced' as const) : ('stored' as const), name, backend };
  },
});

export const listSecrets = defineOperation({
  id: 'secrets.list',
  summary: 'List the names of the secrets on this machine; values are never shown',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({
    secrets: z.array(z.object({ name: z.string(), backend: Backend, updated_at: Timestamp })),
    count: z.int(),
  }),
  errors: ['UNAVAILABLE'],
  permission: { needs: 'secrets:admin', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'list-secrets',
    text: ({ secrets }, style) => ({
      out:
        secrets.length === 0
          ? 'No secrets are stored on this machine.'
          : style.table(
              ['secret', 'kept in', 'stored'],
              secrets.map(({ name, backend, updated_at }) => [style.bold(name), backend, updated_at]),
            ),
    }),
  },
  async run({ services }) {
    const secrets = await services.secrets.names();
    return { secrets, count: secrets.length };
  },
});

export const deleteSecret = defineOperation({
  id: 'secrets.delete',
  summary: 'Remove a secret from this machine',
  effect: 'delete',
  transaction: 'own',
  input: z.strictObject({ name: Name }),
  output: z.object({ status: z.literal('deleted'), name: z.string() }),
  errors: ['SECRET_NOT_FOUND', 'WRITE_FAILED', 'UNAVAILABLE'],
  permission: { needs: 'secrets:admin', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'delete-secret',
    positional: ['name'],
    completes: { name: 'secret_name' },
    text: ({ name }, style) => ({ out: `${style.good('Deleted')} ${name}` }),
  },
  async run(context, { name }) {
    const { secrets } = context.services;
    if (!(await secrets.delete(name))) {
      const known = (await secrets.names()).map((secret) => secret.name);
      const near = nearest(name, known);
      const did = near.length > 0 ? ` Did you mean "${near.join('", "')}"?` : '';
      throw new AppError('SECRET_NOT_FOUND', `There is no secret "${name}" on this machine.${did}`, {
        name,
        nearest: near,
      });
    }
    await context.store.audit.append(context.workspace, context.auditRow({ name }));
    return { status: 'deleted' as const, name };
  },
});
