import { bytesToSign, type Envelope, envelopeOf } from '../../src/core/dsse.ts';

/** Somebody who holds a private key. */
export interface EnvelopeSigner {
  key_id: string;
  sign(bytes: Buffer): Buffer;
}

export const signEnvelope = (statement: Uint8Array, signers: readonly EnvelopeSigner[]): Envelope =>
  envelopeOf(
    statement,
    signers.map(({ key_id, sign }) => ({ key_id, sig: sign(bytesToSign(statement)) })),
  );
