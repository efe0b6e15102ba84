import { z } from 'zod';
import { ClientId } from '../core/ids.ts';

/**
 * A client application as data. Everything here is plain JSON, so that a definition can also come from a file; that is
 * why name rules are alphabets and not patterns: no expression of a user's is ever compiled (SECURITY-BAR T18).
 */

export const OPERATING_SYSTEMS = ['linux', 'macos', 'windows'] as const;
export const Os = z.enum(OPERATING_SYSTEMS);
export type Os = z.infer<typeof Os>;

/** The public words for transports; a client's own words stand in `TypeTag`. */
export const Transport = z.enum(['stdio', 'http', 'sse']);
export type Transport = z.infer<typeof Transport>;

/** RFC 6901. `${workspace}` stands for the absolute project path, to be escaped when it is put in. */
const Pointer = z.string().regex(/^(?:\/(?:[^~/]|~[01])+)+$/, 'a JSON Pointer with at least one key');

/**
 * Where a file is. `~`, `%APPDATA%` and the like, and `${workspace}` (the project) are filled in; any other `${NAME}` is
 * that variable of the environment. `*` and `<name>` mark a pattern that names no single file.
 */
const PathTemplate = z.string().min(1);
const Paths = z.strictObject({
  macos: PathTemplate.nullable(),
  linux: PathTemplate.nullable(),
  windows: PathTemplate.nullable(),
});

/** A variable of the client that moves the file; the first that is set wins. */
const EnvOverride = z.strictObject({
  variable: z.string().min(1),
  /** Begins with `$VARIABLE` and uses `/`; `$VARIABLE` alone means that the variable names the file itself. */
  file: z.string().startsWith('$'),
  /** The systems on which the client looks at it; all of them when absent. */
  systems: z.array(Os).optional(),
});

export const ConfigScope = z.strictObject({
  scope: z.string().min(1),
  paths: Paths,
  format: z.enum(['json', 'jsonc', 'yaml', 'toml']).nullable(),
  /** Where the map of servers is inside the file; null where the file has none. */
  pointer: Pointer.nullable(),
  /** The file also holds settings that have nothing to do with MCP. */
  shared: z.boolean(),
  /** The running client rewrites this file all the time. */
  live_state: z.boolean().optional(),
  /** Only an administrator writes here. */
  managed: z.boolean().optional(),
  /** While this file exists, the client reads servers from no other. */
  exclusive: z.boolean().optional(),
  /** `list`: an array of entries that carry their name in `name`; a map by name otherwise. */
  container: z.literal('list').optional(),
  env_override: z.array(EnvOverride).optional(),
  /** Other places at which some installations keep the file. */
  alternate_paths: z
    .strictObject({ macos: z.array(PathTemplate), linux: z.array(PathTemplate), windows: z.array(PathTemplate) })
    .partial()
    .optional(),
  /** Other names under which the client reads this file, relative to its directory. */
  alternate_names: z.array(z.string()).optional(),
  alternate_pointers: z.array(Pointer).optional(),
  /** Where earlier versions kept the file; the present one reads that of the first scope of this kind. */
  former: z.boolean().optional(),
  /** Scopes whose file some versions of the client pass over once this one is there. */
  hides: z.array(z.string()).optional(),
  /** Parts of the file that belong to the servers and must stay. */
  sibling_pointers: z.array(Pointer).optional(),
  note: z.string().optional(),
});
export type ConfigScope = z.infer<typeof ConfigScope>;

/** The field in which an entry says its transport. */
const TypeTag = z.strictObject({
  field: z.string().min(1),
  value: z.string().min(1),
  required: z.boolean(),
  aliases: z.array(z.string()).optional(),
});

/** `required` and `optional` are the client's own field names, as far as they are documented. */
const documented = { required: z.array(z.string()), optional: z.array(z.string()), note: z.string().optional() };

const StdioFacts = z.strictObject({
  type: TypeTag.nullable(),
  /** `array`: command and arguments are one list. */
  command_shape: z.enum(['string', 'array']),
  command_field: z.string(),
  args_field: z.string().nullable(),
  env_field: z.string(),
  cwd_field: z.string().nullable(),
  ...documented,
});

const RemoteFacts = z.strictObject({
  type: TypeTag.nullable(),
  url_field: z.string(),
  headers_field: z.string(),
  /** The map inside an entry in which the headers stand, with other things about the connection. */
  headers_in: z.string().min(1).optional(),
  alternate_url_fields: z.array(z.string()).optional(),
  ...documented,
});

const TimeoutField = z.strictObject({
  field: z.string(),
  unit: z.enum(['ms', 's']),
  default: z.number().nullable(),
  /** The client takes no more than that. */
  max: z.number().positive().optional(),
  /** The transports whose entries have it; all of them when absent. */
  transports: z.array(Transport).optional(),
  note: z.string().optional(),
});

const EntryFacts = z.strictObject({
  /** Null: the client cannot do this transport, or nobody has shown that it can. */
  stdio: StdioFacts.nullable(),
  http: RemoteFacts.nullable(),
  sse: RemoteFacts.nullable(),
  /** The field inside an entry that switches it off, and the value that does. */
  disabled: z.strictObject({ pointer: Pointer, off: z.boolean() }).nullable(),
  /** The fields inside an entry that hold tool names; a JSON Pointer for one that is below another field. */
  tools: z.strictObject({
    allow: z.string().nullable(),
    deny: z.string().nullable(),
    auto_approve: z.string().nullable(),
  }),
  timeouts: z.array(TimeoutField),
  note: z.string().optional(),
});

const ReferenceKind = z.enum(['env', 'secret', 'input']);

/** The payload's strings in which a reference may stand. */
export const TextField = z.enum(['command', 'args', 'env', 'url', 'headers', 'cwd']);
export type TextField = z.infer<typeof TextField>;

const ReferenceTemplate = z.string().includes('{name}').nullable();

/** What the client itself fills in when it reads an entry. */
const ReferenceSyntax = z.strictObject({
  /** `{name}` stands for the name: `${env:{name}}`. Null: the client has no such thing. */
  env: ReferenceTemplate,
  secret: ReferenceTemplate,
  input: ReferenceTemplate,
  /** Where it does so; empty when the documentation does not say. */
  fields: z.array(TextField),
  /** Literal text that the client would take for the beginning of a reference. */
  markers: z.array(z.string().min(1)).min(1),
  note: z.string().optional(),
});

/** Which server names a client takes: ASCII letters, digits and `also` (null: any character), save the reserved ones. */
const ServerNames = z.strictObject({
  also: z.string().nullable(),
  reserved: z.array(z.string()),
  /** Characters that it takes and then stumbles over. */
  misread: z.string().min(1).optional(),
});

/** Fields in which a client takes the name of a variable instead of a value. */
const NamedReferences = z.strictObject({
  /** A list of variables that are passed on under their own names. */
  env_vars: z.string().min(1),
  /** The variable behind `Authorization: Bearer`. */
  bearer_token: z.string().min(1),
  /** Headers whose whole value is that of a variable. */
  headers: z.string().min(1),
});

/** What a value must be so that the client does not refuse its whole file over it. */
export const FieldKind = z.enum(['boolean', 'positive number', 'text', 'list of texts']);
export type FieldKind = z.infer<typeof FieldKind>;

/** Another layout of the same file, told by what stands in the file. */
const Layout = z.strictObject({ pointer: Pointer, disabled: z.strictObject({ pointer: Pointer, off: z.boolean() }) });

/** How a payload is written for this client. Only a client with a dialect is writable. */
export const Dialect = z.strictObject({
  /** Transports whose type tag is written. */
  write_type: z.array(Transport),
  /** Remote transports that go through the bridge, because the file has no native form for them. */
  bridged: z.array(Transport),
  /** The field of `entry.timeouts` that `timeout_ms` goes to. */
  timeout_field: z.string().nullable(),
  /** The reference kinds that are translated into the client's syntax. */
  references: z.array(ReferenceKind),
  /**
   * The list of what the client asks its user for, told apart by `id`: an entry that says `${input:NAME}` needs NAME there.
   * Such inputs have no value on this machine.
   */
  inputs_at: Pointer.optional(),
  named_references: NamedReferences.optional(),
  /** What the list of allowed tools holds when it means all of them; such a client wants the list in every entry. */
  all_tools: z.string().min(1).optional(),
  /** The client runs commands that it finds in values: no text with a marker of its references is written anywhere. */
  executes_values: z.boolean().optional(),
  /** False: programs get only what `env` of their entry lists, so that the launcher finds no variable of the environment. */
  passes_environment: z.boolean().optional(),
  /** The only `x-client` fields that are written, by transport; without it all are. */
  own_fields: z.partialRecord(Transport, z.record(z.string(), FieldKind)).optional(),
  /** A field in which the client wants to have the name of the server once more. */
  name_field: z.string().min(1).optional(),
  /** The field of `entry.disabled` is written also for entries that are switched on: without it the client takes none. */
  write_enabled: z.boolean().optional(),
  /** The layout of files that keep their servers under another pointer. */
  alternate_layout: Layout.optional(),
  /** The client splits the command at its blanks as a POSIX shell does, quotes and backslashes included. */
  splits_command: z.boolean().optional(),
  /** Bare commands that are batch files on Windows and need `cmd /c` in front there. */
  windows_shell_for: z.array(z.string()),
  server_names: ServerNames.nullable(),
});
export type Dialect = z.infer<typeof Dialect>;

export const ClientDefinition = z
  .strictObject({
    client_id: ClientId,
    display_name: z.string().min(1),
    vendor: z.string().min(1),
    docs_url: z.url(),
    status: z.enum(['active', 'maintenance', 'discontinued']),
    scopes: z.array(ConfigScope).min(1),
    /** The scopes that a deployment may name in this version, the default first. */
    deployable_scopes: z.array(z.string()),
    entry: EntryFacts,
    references: ReferenceSyntax.nullable(),
    limits: z.strictObject({ servers: z.number().int().nullable(), tools: z.number().int().nullable() }),
    reload_behaviour: z.string(),
    /** What the person has to do once before the client starts a new server: approve it, trust the folder. */
    trust_steps: z.array(z.string()).optional(),
    /** The scopes whose servers start only after that. */
    approval_scopes: z.array(z.string()).optional(),
    /** Chains of scopes, the one that wins first, for servers of one name; what no chain orders is not known. */
    precedence: z.array(z.array(z.string()).min(2)).optional(),
    /** Lists of names of servers that are switched off: in the file of which scope, where, and for which scopes (all). */
    switched_off: z
      .array(z.strictObject({ scope: z.string(), pointer: Pointer, of: z.array(z.string()).optional() }))
      .optional(),
    /** Any of these paths or programs means that the client is installed; a `*` is a hint for people only. */
    detect: z.strictObject({
      macos: z.array(PathTemplate),
      linux: z.array(PathTemplate),
      windows: z.array(PathTemplate),
      binaries: z.array(z.string()),
    }),
    notes: z.array(z.string()),
    limitations: z.array(z.string()),
    /** Fields that the client itself writes inside an entry: they are not drift and must survive. */
    state_fields: z.array(z.string()),
    /** `verified`: two sources agree on path and shape. */
    confidence: z.enum(['verified', 'one source', 'unverified']),
    sources: z.array(z.string()).min(1),
    dialect: Dialect.nullable(),
  })
  .meta({
    id: 'ClientDefinition',
    description: 'A client application: where its files are and what an entry looks like.',
  });
export type ClientDefinition = z.infer<typeof ClientDefinition>;
