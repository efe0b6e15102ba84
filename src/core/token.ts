import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * API tokens: `mcpo_<kind>_` + 43 base62 characters (256 bits) + 6 base62 characters (CRC-32 of all before it).
 * The prefix lets secret scanners find a leaked one; the checksum tells a typing error from an unknown token offline.
 */
export type TokenKind = 'user' | 'agent';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const TOKEN = /^mcpo_(user|agent)_[0-9A-Za-z]{49}$/;

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = ALPHABET.charAt(Number(rest % 62n)) + text;
  return text;
}

/** @param random 32 bytes from a cryptographic source */
export function formatToken(kind: TokenKind, random: Uint8Array): string {
  const body = `mcpo_${kind}_${base62(BigInt(`0x${Buffer.from(random).toString('hex')}`), 43)}`;
  return body + checksum(body);
}

const checksum = (body: string) => base62(BigInt(crc32(body)), 6);

/** Whether a text is a token that was typed right. Says nothing about whether it is known. */
export function isWellFormedToken(text: string): boolean {
  return TOKEN.test(text) && checksum(text.slice(0, -6)) === text.slice(-6);
}

/** What the store keeps instead of the token: lowercase hex SHA-256. */
export function tokenDigest(token: string): string {
  return hash('sha256', token);
}
