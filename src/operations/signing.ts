import { bytesToSign, envelopeOf } from '../core/dsse.ts';
import type { Signer } from '../io/keys.ts';

/** The statement in an envelope, signed with the key in force, as JSON text. Throws what the signer throws. */
export async function signedText(statement: Uint8Array, { key_id, sign }: Signer): Promise<string> {
  return JSON.stringify(envelopeOf(statement, [{ key_id, sig: await sign(bytesToSign(statement)) }]));
}
