import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Shorter pieces of a secret say little; a mask may show four characters. */
const PIECE = 12;

const inner = (text: string, from: number) => text.slice(Math.ceil(from), -4);

/** A secret as it may hide in bytes: pieces of itself, and base64, base64url, hex and percent forms of the whole. */
export function tracesOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return inner(text, (shift * 4) / 3 + 1);
  });
  const hex = bytes.toString('hex');
  const percent = hex.replaceAll(/../g, '%$&');
  const pieces = Array.from({ length: secret.length - PIECE + 1 }, (_, at) => secret.slice(at, at + PIECE));
  const url = shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [...pieces, ...shifted, ...url, hex, hex.toUpperCase(), percent, percent.toUpperCase()];
}

/** Which of the secrets left a trace in a text. Names the secret's place in the list, so that a failure prints none. */
export function foundIn(text: string, secrets: readonly string[]): string[] {
  return secrets.flatMap((secret, index) =>
    tracesOf(secret).some((trace) => text.includes(trace)) ? [`secret ${index}`] : [],
  );
}

/** The same for every file under a directory, and for the files' names. */
export function foundUnder(directory: string, secrets: readonly string[]): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const text = entry.isFile() ? readFileSync(path, 'latin1') : '';
    return foundIn(`${path}\n${text}`, secrets).map((name) => `${name} in ${path}`);
  });
}
