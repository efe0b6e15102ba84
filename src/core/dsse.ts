import { type Checked, exactly, list, text } from './checks.ts';

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

/** DSSE v1 pre-authentication encoding: what is signed. Lengths are in bytes. */
export function pae(payloadType: string, bytes: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${bytes.byteLength} `;
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** What whoever holds a private key has to sign, so that the statement is. */
export const bytesToSign = (statementBytes: Uint8Array): Buffer => pae(PAYLOAD_TYPE, statementBytes);

/** The statement with its signatures, each of `bytesToSign`. */
export function envelopeOf(
  statementBytes: Uint8Array,
  signatures: readonly { key_id: string; sig: Buffer }[],
): Envelope {
  return {
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(statementBytes).toString('base64'),
    signatures: signatures.map(({ key_id, sig }) => ({ keyid: key_id, sig: sig.toString('base64') })),
  };
}
