import { type Checked, exactly, list, text } from './checks.ts';
import { AppError } from './errors.ts';

/** DSSE payload type of an in-toto statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** Most signatures that are looked at: each costs a verification, and nobody needs more. */
export const MAX_SIGNATURES = 16;

/**
 * The bytes of standard padded base64 (RFC 4648 section 4), or undefined for anything that another reader could take
 * differently: white space, the URL alphabet, missing padding, unused bits that are set. `Buffer.from` skips junk.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

const base64 = text((it) => it !== '' && decodeBase64(it) !== undefined, 'this is not strict base64');

/** Longer than every name of a key. */
export const MAX_KEY_ID = 256;
const keyId = text((it) => it.length <= MAX_KEY_ID, `this has more than ${MAX_KEY_ID} characters`);

/** DSSE v1. Unknown members are refused: a hint such as `alg` must never tempt a reader to follow it. */
export const Envelope = exactly({
  payloadType: text(),
  payload: base64,
  signatures: list(exactly({ keyid: keyId, sig: base64 }), [1, MAX_SIGNATURES]),
});
export type Envelope = Checked<typeof Envelope>;

/** Somebody who holds a private key. `sign` gets the pre-authentication encoding, not the statement. */
export interface EnvelopeSigner {
  key_id: string;
  sign(bytes: Buffer): Buffer;
}

/** DSSE v1 pre-authentication encoding: what is signed. Lengths are in bytes. */
export function pae(payloadType: string, bytes: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${bytes.byteLength} `;
  return Buffer.concat([Buffer.from(head), bytes]);
}

export function signEnvelope(statementBytes: Uint8Array, signers: readonly EnvelopeSigner[]): Envelope {
  if (signers.length === 0) throw new AppError('KEYS_NOT_INITIALIZED', 'There is no key to sign with.');
  const signed = pae(PAYLOAD_TYPE, statementBytes);
  return {
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(statementBytes).toString('base64'),
    signatures: signers.map(({ key_id, sign }) => ({ keyid: key_id, sig: sign(signed).toString('base64') })),
  };
}
