import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { Timestamp } from '../core/ids.ts';
import { failpoint } from '../io/failpoint.ts';
import type { Signer } from '../io/keys.ts';
import type { KeyRow } from '../stores/rows.ts';
import { type Context, defineOperation } from './operation.ts';

/** The key on disk is the one in force: others become retired and go on verifying what they signed. */
export async function recordKey(context: Pick<Context, 'store' | 'workspace' | 'now'>, signer: Signer): Promise<void> {
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

/** RFC 7517 and 8037, with the key id that signatures name. */
function jwkOf({ key_id, algorithm, public_key_pem }: KeyRow): Record<string, string> {
  const { kty = '', crv = '', x = '', y } = createPublicKey(public_key_pem).export({ format: 'jwk' });
  const alg = algorithm === 'ed25519' ? 'EdDSA' : 'ES256';
  return { kid: key_id, use: 'sig', alg, kty, crv, x, ...(y !== undefined && { y }) };
}

export const listKeys = defineOperation({
  id: 'keys.list',
  summary: 'List the public keys that verify releases, also as a JSON Web Key Set',
  description: 'Retired keys go on verifying what they signed. A revoked key is listed, and not in the key set.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({
    keys: z.array(
      z.object({
        key_id: z.string().meta({ description: 'SHA-256 of the SubjectPublicKeyInfo in DER, lowercase hex.' }),
        algorithm: z.enum(['ed25519', 'ecdsa-p256']),
        role: z.literal('release'),
        status: z.enum(['active', 'retired', 'revoked']),
        public_key_pem: z.string(),
        created_at: Timestamp,
      }),
    ),
    jwks: z.object({ keys: z.array(z.record(z.string(), z.string())) }),
  }),
  errors: [],
  permission: { needs: 'config:read', bound: 'open' },
  rest: { method: 'GET', path: '/v1/keys' },
  holdsUntil: () => null,
  mcp: { tool: 'list_keys', toolset: 'releases' },
  cli: {
    verb: 'list-keys',
    text: ({ keys }, style) => ({
      out: style.table(
        ['key', 'algorithm', 'status', 'since'],
        keys.map(({ key_id, algorithm, status, created_at }) => [
          key_id,
          algorithm,
          status === 'active' ? style.good(status) : style.dim(status),
          created_at,
        ]),
      ),
    }),
  },
  async run({ store, workspace }) {
    const rows = await store.keys.list(workspace);
    return {
      keys: rows.map((row) => ({ ...row, role: 'release' as const })),
      jwks: { keys: rows.filter(({ status }) => status !== 'revoked').map(jwkOf) },
    };
  },
});

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
  permission: { needs: 'keys:admin', bound: 'never', installation: ({ regenerate }) => regenerate },
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
      if (made) await context.emit(store, { type: 'key.rotated', data: { status, key_id: signer.key_id } });
    });
    const places = mode === 'local' ? keys.places : null;
    return {
      status,
      key_dir: places?.dir ?? null,
      public_key_path: places?.public_path ?? null,
      key_id: signer.key_id,
      message: MESSAGES[status],
    };
  },
});
