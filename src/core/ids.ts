import { z } from 'zod';
import { DIGEST, isId, TIMESTAMP } from './id-rules.ts';

export { nullRecord } from './null-record.ts';

const idSchema = (what: string) =>
  z.string().refine(isId, {
    error: `${what} must match ^[a-z0-9][a-z0-9._-]{0,63}$, not end with a dot and not be a device name`,
  });

export const ClientId = idSchema('client_id').meta({
  description: 'Id of a client application, for example `cursor`.',
});
export const ProfileId = idSchema('profile_id').meta({ description: 'Id of a profile of that client.' });
export const WorkspaceId = idSchema('workspace').meta({ description: 'Id of a workspace.' });
export const ServerId = idSchema('server_id').meta({ description: 'Id of a server in the catalog.' });

/** Lowercase hex SHA-256 of the RFC 8785 form of a payload. */
export const ArtifactId = z
  .string()
  .regex(DIGEST, 'artifact_id is 64 lowercase hexadecimal digits')
  .meta({ description: 'Content address of a payload: lowercase hex SHA-256 of its RFC 8785 canonical JSON.' });

export const Timestamp = z
  .string()
  .regex(TIMESTAMP, 'a time is RFC 3339 UTC with milliseconds')
  .meta({ format: 'date-time' });
