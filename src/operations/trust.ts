import { z } from 'zod';
import { AppError, invalidInput } from '../core/errors.ts';
import { DIGEST } from '../core/id-rules.ts';
import { importPublicKey } from '../core/keys.ts';
import { step } from '../io/client-files/faults.ts';
import { textOfFile } from '../io/own-file.ts';
import { defineOperation } from './operation.ts';

/** Whose releases this machine takes from a server. Nothing is trusted because it was the first that came. */

const TrustInput = z.strictObject({
  file: z.string().max(4096).optional().meta({ description: 'A file with the public key, PEM.' }),
  fingerprint: z
    .string()
    .transform((text) => text.toLowerCase())
    .refine((text) => DIGEST.test(text), 'a fingerprint is the key id: 64 hexadecimal digits')
    .optional()
    .meta({ description: 'The key id instead of a file; the key itself then comes from the server.' }),
  remove: z.boolean().default(false).meta({ description: 'Trust it no more: what it signs from now on is refused.' }),
});

interface Named {
  key_id: string;
  public_key_pem: string | null;
}

async function namedKey({ file, fingerprint }: z.output<typeof TrustInput>): Promise<Named> {
  if ((file === undefined) === (fingerprint === undefined)) {
    throw invalidInput('file', 'say which key: either a file or its fingerprint');
  }
  if (fingerprint !== undefined) return { key_id: fingerprint, public_key_pem: null };
  const path = file ?? '';
  const pem = await step('read_key', path, () => textOfFile(path));
  if (pem === null)
    throw new AppError(
      'NOT_FOUND',
      `There is no file ${path}.`,
      { path },
      { hint: 'Look where the key was brought to.' },
    );
  return { key_id: importPublicKey(pem).key_id, public_key_pem: pem };
}

const WORDS = {
  trusted: 'Releases that this key signed are accepted from now on.',
  already_trusted: 'This key was trusted already.',
  removed: 'This key is trusted no more. What it signed before stays as it is.',
};

export const trustKey = defineOperation({
  id: 'keys.trust',
  summary: 'Trust a public key of others: `pull` accepts what it signed',
  description:
    'Bring the key, or its fingerprint, to this machine on another way than from the server that is to be checked with it.',
  effect: 'write',
  transaction: 'own',
  idempotent: true,
  input: TrustInput,
  output: z.object({
    status: z.enum(['trusted', 'already_trusted', 'removed']),
    key_id: z.string().meta({ description: 'SHA-256 of the SubjectPublicKeyInfo in DER, lowercase hex.' }),
    trusted: z.array(z.string()).meta({ description: 'Ids of all keys that are trusted now.' }),
  }),
  errors: ['NOT_FOUND', 'KEY_NOT_FOUND', 'WRITE_FAILED'],
  permission: { needs: 'keys:admin', agents: false, bound: 'never', installation: true },
  cli: {
    verb: 'trust-key',
    positional: ['file'],
    paths: ['file'],
    text: ({ status, key_id }, style) => ({
      out: `${status === 'trusted' ? style.good(WORDS[status]) : WORDS[status]}\nkey id ${key_id}`,
    }),
  },
  async run(context, input) {
    const { key_id, public_key_pem } = await namedKey(input);
    return context.store.transaction(async ({ pins, audit }) => {
      const { workspace } = context;
      const before = await pins.list(workspace);
      const known = before.find((pin) => pin.key_id === key_id);
      if (input.remove && !known) {
        const ids = before.map((pin) => pin.key_id);
        const hint = ids.length === 0 ? 'No key is trusted here.' : `Trusted here: ${ids.join(', ')}`;
        throw new AppError('KEY_NOT_FOUND', `The key ${key_id} is not trusted here.`, { key_id }, { hint });
      }
      const status = input.remove ? 'removed' : known ? 'already_trusted' : 'trusted';
      if (input.remove) await pins.remove(workspace, key_id);
      else {
        const pem = public_key_pem ?? known?.public_key_pem ?? null;
        await pins.put(workspace, { key_id, public_key_pem: pem, pinned_at: context.now().toISOString() });
      }
      await audit.append(workspace, context.auditRow({ status, key_id }));
      return { status, key_id, trusted: (await pins.list(workspace)).map((pin) => pin.key_id) } as const;
    });
  },
});
