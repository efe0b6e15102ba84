import { z } from 'zod';

/** Ids of clients, profiles, servers and workspaces: file-name safe on every system, and never a path (SECURITY-BAR T13). */
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** Names that Windows reserves for devices, with or without an extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/;

export function isId(text: string): boolean {
  return ID.test(text) && !text.endsWith('.') && !DEVICE.test(text);
}

const idSchema = (what: string) =>
  z.string().refine(isId, {
    error: `${what} must match ^[a-z0-9][a-z0-9._-]{0,63}$, not end with a dot and not be a device name`,
  });

export const ClientId = idSchema('client_id').meta({
  description: 'Id of a client application, for example `cursor`.',
});
export const ProfileId = idSchema('profile_id').meta({ description: 'Id of a profile of that client.' });
export const ServerId = idSchema('server_id').meta({ description: 'Id of a server in the catalog.' });

/** Lowercase hex SHA-256 of the RFC 8785 form of a payload. */
export const ArtifactId = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'artifact_id is 64 lowercase hexadecimal digits')
  .meta({ description: 'Content address of a payload: lowercase hex SHA-256 of its RFC 8785 canonical JSON.' });

/** RFC 3339 in UTC with milliseconds, the only form of time that leaves the product. */
export const Timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'a time is RFC 3339 UTC with milliseconds')
  .meta({ format: 'date-time' });

/** A record with client-chosen keys. Built without a prototype, so that no key can mean anything else than itself. */
export function nullRecord<T>(entries: Iterable<readonly [string, T]> = []): Record<string, T> {
  const record: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) record[key] = value;
  return record;
}
