import { z } from 'zod';
import { Timestamp } from '../core/ids.ts';
import { Status, Word } from './listed.ts';
import { FieldType, PackageRef, RemoteTransport, StdioTransport } from './server.ts';

/** The catalog as callers see it. Everything is filled in: what is unknown is null, what is not said is false. */

const described = {
  name: z.string(),
  type: FieldType,
  description: z.string(),
  required: z.boolean().meta({ description: 'Must be given: there is no default.' }),
  secret: z.boolean().meta({ description: 'Only a reference is accepted.' }),
  default: z.union([z.string(), z.boolean()]).optional(),
  choices: z.array(z.string()).optional(),
  example: z.string().optional(),
  aliases: z.array(z.string()).optional(),
  transports: z.array(Word).optional().meta({ description: 'The transports that take it.' }),
};
export const DescribedParameter = z.object({ ...described, repeated: z.boolean() });
export const DescribedVariable = z.object(described);
export type DescribedParameter = z.infer<typeof DescribedParameter>;
export type DescribedVariable = z.infer<typeof DescribedVariable>;
const Variables = z.object({ required: z.array(DescribedVariable), optional: z.array(DescribedVariable) });

export const DescribedTransport = z.object({
  type: Word,
  runtime: StdioTransport.shape.runtime.optional(),
  package: PackageRef.nullable().optional(),
  url: z.string().optional(),
  auth: RemoteTransport.shape.auth.optional(),
  auth_optional: z.boolean().optional(),
  oauth: RemoteTransport.shape.oauth,
  installation: z.string(),
  parameters: z.array(DescribedParameter),
  env_vars: Variables,
  env_any_of: z.array(z.array(z.string())).optional().meta({ description: 'One of these groups must be complete.' }),
  alternatives: z.array(z.string()).optional(),
  requires: z.string().optional(),
  community: z.boolean(),
  note: z.string().nullable(),
});
export type DescribedTransport = z.infer<typeof DescribedTransport>;

/** Where a server comes from that somebody put into the catalog. */
const Origin = z.object({
  registry_url: z.string().nullable().meta({ description: 'Null for a document that was handed in.' }),
  version: z.string(),
  raw_sha256: z.string(),
  added_at: Timestamp,
  finding_count: z.int().meta({ description: 'So many things were not as the schema has them.' }),
});
export type Origin = z.infer<typeof Origin>;

export const ServerDescription = z
  .object({
    server_id: z.string(),
    registry_name: z.string().nullable(),
    display_name: z.string(),
    description: z.string(),
    vendor: z.string().nullable(),
    transport: Word,
    transports: z.array(DescribedTransport),
    parameters: z.array(DescribedParameter),
    env_vars: Variables,
    installation: z.string(),
    documentation_url: z.string(),
    repository_url: z.string().nullable(),
    license: z.string().nullable(),
    tags: z.array(z.string()),
    status: Status,
    replaced_by: z.string().nullable(),
    note: z.string().nullable(),
    warnings: z.array(z.string()),
    origin: Origin.nullable().meta({ description: 'Null for a server that is known out of the box.' }),
    usage_example: z.string().meta({ description: 'A command line that adds the server.' }),
  })
  .meta({ id: 'ServerDescription' });
export type ServerDescription = z.infer<typeof ServerDescription>;
