/** Names that Windows reserves for devices, with or without an extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/;
const ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Ids of clients, profiles, servers and workspaces: file-name safe on every system, and never a path (SECURITY-BAR T13). */
export function isId(text: string): boolean {
  return ID.test(text) && !text.endsWith('.') && !DEVICE.test(text);
}

/** Lowercase hex SHA-256. */
export const DIGEST = /^[0-9a-f]{64}$/;

/** RFC 3339 in UTC with milliseconds, the only form of time that leaves the product. */
export const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
