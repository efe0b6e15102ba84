import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/** The id of an artifact whose RFC 8785 text is at hand. Bytes are hashed as they are: other spacing is another id. */
export function artifactIdOfCanonical(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Content address of a payload: lowercase hex SHA-256 of its canonical JSON. Key order does not matter. */
export function artifactId(payload: unknown): string {
  return artifactIdOfCanonical(canonicalJson(payload));
}
