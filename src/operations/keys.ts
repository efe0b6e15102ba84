import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { failpoint } from '../io/failpoint.ts';
import type { Signer } from '../io/keys.ts';
import { type Context, defineOperation } from './operation.ts';

/** The key on disk is the one in force: others become retired and go on verifying what they signed. */
export async function recordKey(context: Context, signer: Signer): Promise<void> {
  const keys = await context.store.keys.list(context.workspace);
  const known = keys.find((key) => key.key_id === signer.key_id);
  if (known?.status === 'revoked') {
    throw new AppError(
      'KEYS_NOT_INITIALIZED',
      'The signing key of this data directory is revoked.',
      { key_id: signer.key_id },
      {
        hint: 'Make a new one with `initialize-keys --regenerate`.',
      },
    );
  }
  for (const key of keys) {
    if (key.status === 'active' && key.key_id !== signer.key_id)
      await context.store.keys.put(context.workspace, { ...key, status: 'retired' });
  }
  if (known?.status === 'active') return;
  const { key_id, algorithm, public_key_pem } = signer;
  const created_at = known?.created_at ?? context.now().toISOString();
  await context.store.keys.put(context.workspace, { key_id, algorithm, public_key_pem, status: 'active', created_at });
}

const MESSAGES = {
  initialized: 'A signing key was made.',
  already_exists: 'There is a signing key already; nothing was changed.',
  regenerated: 'A new signing key is in force; the old one is retired and still verifies its releases.',
};

export const initializeKeys = defineOperation({
  id: 'keys.initialize',
  summary: 'Make the signing key, or replace it',
  description: 'A replaced key stays known as retired, so that old releases verify.',
  effect: 'write',
  transaction: 'own',
  input: z.strictObject({
    regenerate: z.boolean().default(false).meta({ description: 'Replace an existing key.' }),
  }),
  output: z.object({
    status: z.enum(['initialized', 'already_exists', 'regenerated']),
    key_dir: z.string().nullable(),
    public_key_path: z.string().nullable(),
    key_id: z.string(),
    message: z.string(),
  }),
  errors: ['WRITE_FAILED'],
  permission: { needs: 'keys:admin' },
  rest: { method: 'POST', path: '/v1/keys/initialize' },
  mcp: { tool: 'initialize_keys' },
  cli: {
    verb: 'initialize-keys',
    text: ({ status, message, key_id, public_key_path }, style) => ({
      out: `${status === 'already_exists' ? style.dim(message) : style.good(message)}\nkey id     ${key_id}\npublic key ${public_key_path ?? '(not on this machine)'}`,
    }),
  },
  async run(context, { regenerate }) {
    const { keys, mode } = context.services;
    const before = await keys.exists();
    const made = await keys.create(regenerate);
    const signer = await keys.signer();
    failpoint('keys.before-record');
    const status: keyof typeof MESSAGES = made ? (before ? 'regenerated' : 'initialized') : 'already_exists';
    await context.store.transaction(async (store) => {
      await recordKey({ ...context, store }, signer);
      await store.audit.append(context.workspace, context.auditRow({ status, key_id: signer.key_id }));
    });
    const local = mode === 'local';
    return {
      status,
      key_dir: local ? keys.dir : null,
      public_key_path: local ? keys.public_path : null,
      key_id: signer.key_id,
      message: MESSAGES[status],
    };
  },
});
