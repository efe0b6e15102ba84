import type { Issue } from '../core/errors.ts';
import type { ClientDefinition } from './client.ts';
import { hasCodec } from './codecs/codec-of.ts';

/**
 * What is wrong with a definition whose form is right: parts of it that contradict each other. The ones that are known out
 * of the box are tested; this is for those that come from a file.
 */
export function contradictionsIn(client: ClientDefinition): Issue[] {
  return [
    ...faultsOfScopes(client),
    ...faultsOfNames(client),
    ...faultsOfPlaces(client),
    ...faultsOfFields(client),
    ...faultsOfDialect(client),
    ...faultsOfReferences(client),
  ];
}

/** Facts about scopes name scopes that there are. */
function faultsOfNames({
  scopes,
  approval_scopes = [],
  precedence = [],
  switched_off = [],
}: ClientDefinition): Issue[] {
  const named = [
    ...approval_scopes.map((scope) => ({ path: 'approval_scopes', scope })),
    ...precedence.flat().map((scope) => ({ path: 'precedence', scope })),
    ...switched_off.flatMap(({ scope, of = [] }) =>
      [scope, ...of].map((one) => ({ path: 'switched_off', scope: one })),
    ),
  ];
  return named
    .filter(({ scope }) => !scopes.some((one) => one.scope === scope))
    .map(({ path, scope }) => ({ path, message: `"${scope}" is no scope of it` }));
}

function faultsOfScopes({ scopes, deployable_scopes, dialect }: ClientDefinition): Issue[] {
  const names = scopes.map(({ scope }) => scope);
  const twice = names.filter((name, at) => names.indexOf(name) < at);
  const unusable = deployable_scopes.filter(
    (name) => !scopes.some((one) => one.scope === name && hasCodec(one) && one.pointer !== null && !one.managed),
  );
  const strange = scopes.flatMap(({ env_override = [] }) =>
    env_override.filter(({ variable, file }) => !`${file}/`.startsWith(`$${variable}/`)),
  );
  const hidden = scopes.flatMap(({ hides = [] }) => hides).filter((name) => !names.includes(name));
  return [
    ...twice.map((name) => ({ path: 'scopes', message: `"${name}" is there twice` })),
    ...hidden.map((name) => ({ path: 'scopes', message: `hides "${name}", which is no scope` })),
    ...unusable.map((name) => ({
      path: 'deployable_scopes',
      message: `"${name}" is no scope of people with a pointer, and json, jsonc, toml or yaml as its format (a list in toml and yaml only)`,
    })),
    ...strange.map(({ variable }) => ({ path: 'scopes', message: `the file of ${variable} does not begin with it` })),
    ...((dialect === null) === (deployable_scopes.length === 0)
      ? []
      : [{ path: 'dialect', message: 'is there exactly when there are deployable scopes' }]),
  ];
}

/** A person's files, or a project's. Whoever describes a client does not say which directories of a machine may be written. */
const START = /^(?:~|%[^%]+%|\$\{[^}]+\})[/\\]/;

function faultsOfPlaces({ scopes, deployable_scopes }: ClientDefinition): Issue[] {
  const places = scopes
    .filter(({ scope }) => deployable_scopes.includes(scope))
    .flatMap(({ paths }) => Object.values(paths).filter((path) => path !== null));
  return places
    .filter((path) => !START.test(path) || path.split(/[/\\]/).includes('..'))
    .map((path) => ({ path: 'scopes', message: `the place ${path} is not below ~, a variable or the project` }));
}

/** A name that means something else to JavaScript, or two meanings of one name: part of each entry would be lost. */
function faultsOfFields({ scopes, entry }: ClientDefinition): Issue[] {
  const { stdio, http, sse, tools, disabled, timeouts } = entry;
  const besides = [
    ...[tools.allow, tools.deny, disabled?.pointer].flatMap((field) => field?.replace(/^\//, '').split('/') ?? []),
    ...timeouts.map(({ field }) => field),
  ];
  const fields = [
    stdio && [stdio.type?.field, stdio.command_field, stdio.args_field, stdio.env_field, stdio.cwd_field],
    ...[http, sse].map((remote) => remote && [remote.type?.field, remote.url_field, remote.headers_field]),
  ].map((group) => (group ?? []).filter((name) => typeof name === 'string'));
  const decided = new Set(fields.flat());
  const twice = [
    ...fields.flatMap((group) => group.filter((name, at) => group.indexOf(name) < at)),
    ...besides.filter((name) => decided.has(name)),
  ];
  const keys = scopes.flatMap(({ pointer }) => pointer?.split('/') ?? []);
  return [
    ...twice.map((name) => ({ path: 'entry', message: `"${name}" is the field of two things` })),
    ...[...fields.flat(), ...besides]
      .filter(isReserved)
      .map((name) => ({ path: 'entry', message: `"${name}" can be no field` })),
    ...keys.filter(isReserved).map((name) => ({ path: 'scopes', message: `"${name}" can be no part of a pointer` })),
  ];
}

const isReserved = (name: string) => ['__proto__', 'constructor', 'prototype'].includes(name);

function faultsOfDialect({ dialect, entry, references }: ClientDefinition): Issue[] {
  if (dialect === null) return [];
  const { write_type, bridged, timeout_field } = dialect;
  const untagged = write_type.filter((transport) => !entry[transport]?.type);
  const issues = untagged.map((transport) => ({
    path: 'dialect.write_type',
    message: `entry.${transport} has no type to be written`,
  }));
  if (bridged.includes('stdio') || (bridged.length > 0 && entry.stdio === null))
    issues.push({ path: 'dialect.bridged', message: 'names remote transports of a client that starts programs' });
  if (timeout_field !== null && !entry.timeouts.some(({ field }) => field === timeout_field))
    issues.push({ path: 'dialect.timeout_field', message: 'is none of entry.timeouts' });
  if (dialect.all_tools !== undefined && entry.tools.allow === null)
    issues.push({ path: 'dialect.all_tools', message: 'there is no list of allowed tools in entry.tools' });
  if (dialect.executes_values === true && references === null)
    issues.push({ path: 'dialect.executes_values', message: 'references.markers do not say what is executed' });
  return issues;
}

function faultsOfReferences({ dialect, references, scopes, deployable_scopes }: ClientDefinition): Issue[] {
  const missing = (dialect?.references ?? []).filter((kind) => !references?.[kind]);
  const templates = [references?.env, references?.secret, references?.input].filter((text) => typeof text === 'string');
  const unmarked = templates.filter((text) => !references?.markers.some((marker) => text.includes(marker)));
  const asks = dialect?.inputs_at !== undefined;
  const listless = scopes.some(
    ({ scope, format, pointer }) =>
      deployable_scopes.includes(scope) &&
      ((format !== 'json' && format !== 'jsonc') || `${pointer}/`.startsWith(`${dialect?.inputs_at}/`)),
  );
  return [
    ...(asks && (listless || dialect.references.every((kind) => kind !== 'input'))
      ? [{ path: 'dialect.inputs_at', message: 'is beside the servers of a JSON file, for references to inputs' }]
      : []),
    ...missing.map((kind) => ({ path: 'dialect.references', message: `references.${kind} has no template` })),
    ...unmarked.map(() => ({ path: 'references.markers', message: 'a template holds none of the markers' })),
  ];
}
