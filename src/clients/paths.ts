import { posix, win32 } from 'node:path';
import { AppError } from '../core/errors.ts';
import { own } from '../core/null-record.ts';
import type { ClientDefinition, ConfigScope, Os } from './client.ts';

/** The machine that a path is meant for. Nothing is looked up: the caller reads the environment. */
export interface Machine {
  os: Os;
  env: Readonly<Record<string, string | undefined>>;
  /** Default: `HOME`, on Windows `USERPROFILE`. Never a guess from the account database, so that a test is sealed off. */
  home?: string | undefined;
  /** The project directory, for scopes below `${workspace}`. */
  project?: string | undefined;
}

export interface ConfigTarget {
  /** Absolute, in the spelling of the target's system. */
  path: string;
  /** The directories inside which the file may lie after its links are resolved (SECURITY-BAR T14). */
  roots: string[];
  /** Patterns of places that win over `path` where they exist, for example the package folder of a Store app. */
  preferred: string[];
  /** Other places and names of the same file, for when there is nothing at `path`. */
  alternates: string[];
}

const syntaxOf = (os: Os) => (os === 'windows' ? win32 : posix);

/** Windows folders that have a fixed place below the home directory when their variable is not set. */
const WINDOWS_FOLDERS: ReadonlyMap<string, string> = new Map([
  ['APPDATA', 'AppData\\Roaming'],
  ['LOCALAPPDATA', 'AppData\\Local'],
]);

/** The value of a variable; empty counts as not set, and Windows does not tell upper from lower case. */
function variableOf(name: string, { os, env }: Machine): string | undefined {
  const exact = own(env, name);
  if (exact !== undefined || os !== 'windows') return exact === '' ? undefined : exact;
  const same = Object.keys(env).find((key) => key.toUpperCase() === name.toUpperCase());
  return same === undefined || env[same] === '' ? undefined : env[same];
}

/** A directory that a person or a variable names. The root of a disk is refused: it would allow every file. */
function directory(value: string | undefined, what: string, field: string, os: Os, hint?: string): string {
  const { isAbsolute, normalize, parse } = syntaxOf(os);
  const refuse = (reason: string) =>
    new AppError(
      'INVALID_INPUT',
      `${what} ${reason}, so the client's file cannot be found.`,
      { field, issues: [{ path: field, message: `${what} ${reason}` }] },
      hint === undefined ? {} : { hint },
    );
  if (value === undefined || value === '') throw refuse('is not set');
  if (value.includes('\0') || !isAbsolute(value)) throw refuse('is no absolute path');
  const clean = normalize(value);
  const { root } = parse(clean);
  if (clean === root || (os === 'windows' && root.length < 3)) throw refuse('is the root of a disk or has no drive');
  return clean.endsWith(syntaxOf(os).sep) ? clean.slice(0, -1) : clean;
}

function homeOf(machine: Machine): string {
  const variable = machine.os === 'windows' ? 'USERPROFILE' : 'HOME';
  return directory(
    machine.home ?? variableOf(variable, machine),
    `The home directory (${variable})`,
    variable,
    machine.os,
  );
}

function variableDirectory(name: string, machine: Machine): string {
  const below = WINDOWS_FOLDERS.get(name);
  const value = variableOf(name, machine);
  if (below !== undefined && value === undefined) return win32.join(homeOf(machine), below);
  const hint = `Set ${name} to an absolute path, or name the file yourself: --config-path FILE.`;
  return directory(value, `The variable ${name}`, name, machine.os, hint);
}

const PLACEHOLDER = /^(?:~|%(?<windows>[^%]+)%|\$\{(?<variable>[^}]+)\})(?=[/\\]|$)/;

/** The directory that a template starts from, and what comes below it. */
function splitTemplate(template: string, machine: Machine): { base: string; below: string } | undefined {
  const match = PLACEHOLDER.exec(template);
  if (match === null) return undefined;
  const { windows, variable } = match.groups ?? {};
  const below = template.slice(match[0].length);
  if (windows !== undefined && windows !== 'USERPROFILE') return { base: variableDirectory(windows, machine), below };
  if (variable === 'workspace') {
    const hint = 'Name it: --project DIR.';
    return { base: directory(machine.project, 'The project directory', 'project', machine.os, hint), below };
  }
  if (variable !== undefined) return { base: variableDirectory(variable, machine), below };
  return { base: homeOf(machine), below };
}

/** Fills in a path template of a client definition. `*` and `<name>` stay as they are. */
export function expandTemplate(template: string, machine: Machine): { path: string; root: string } {
  const { join, normalize, dirname } = syntaxOf(machine.os);
  const split = splitTemplate(template, machine);
  if (split === undefined) return { path: normalize(template), root: dirname(normalize(template)) };
  return { path: join(split.base, split.below), root: split.base };
}

/** The file named by the first variable of the client that is set, if one is. `sign`: what its presence is told by. */
function overridden(scope: ConfigScope, machine: Machine): { path: string; root: string; sign: string } | undefined {
  const { join, dirname } = syntaxOf(machine.os);
  for (const { variable, file, systems } of scope.env_override ?? []) {
    const value = variableOf(variable, machine);
    if (value === undefined || !(systems ?? [machine.os]).includes(machine.os)) continue;
    const base = directory(value, `The variable ${variable}`, variable, machine.os);
    const below = file.slice(`$${variable}`.length);
    if (below === '') return { path: base, root: dirname(base), sign: base };
    const path = join(base, below);
    return { path, root: base, sign: dirname(path) };
  }
  return undefined;
}

/** The variable that moves the file of a scope on that machine, if one is set. */
export const movedBy = (scope: ConfigScope, machine: Machine): string | undefined =>
  scope.env_override?.find(
    ({ variable, systems }) =>
      variableOf(variable, machine) !== undefined && (systems ?? [machine.os]).includes(machine.os),
  )?.variable;

/** The scope that a deployment names, or the default one. */
export function deployableScope(client: ClientDefinition, name?: string): ConfigScope {
  const wanted = name ?? client.deployable_scopes[0] ?? client.scopes[0]?.scope;
  const scope = client.scopes.find((candidate) => candidate.scope === wanted);
  if (scope === undefined) {
    const scopes = client.scopes.map((candidate) => candidate.scope);
    throw new AppError(
      'INVALID_INPUT',
      `${client.display_name} has no config scope of that name: ${scopes.join(', ')}.`,
      {
        field: 'config_scope',
        scopes,
      },
    );
  }
  if (client.dialect === null || !client.deployable_scopes.includes(scope.scope)) throw notDeployable(client, scope);
  return scope;
}

function notDeployable(client: ClientDefinition, scope: ConfigScope): AppError {
  const can = client.dialect === null ? [] : client.deployable_scopes;
  const message =
    can.length === 0
      ? `This version does not write ${client.display_name}.`
      : `This version does not write the scope ${scope.scope} of ${client.display_name}; it writes: ${can.join(', ')}.`;
  return new AppError('CLIENT_NOT_WRITABLE', message, { client_id: client.client_id, deployable_scopes: can });
}

/** Where the file of one scope is, without any look at the disk and without asking whether it may be written. */
export function locateConfig(client: ClientDefinition, scope: ConfigScope, machine: Machine): ConfigTarget {
  const moved = overridden(scope, machine);
  const others = (scope.alternate_paths?.[machine.os] ?? []).map((template) => expandTemplate(template, machine).path);
  const { path, root } = moved ?? expandTemplate(fixedTemplate(client, scope, machine.os), machine);
  // A variable that names the file itself leaves no choice.
  const named = moved !== undefined && moved.path === moved.sign;
  const inProject = scope.paths[machine.os]?.startsWith('${workspace}') === true;
  return {
    path,
    roots: inProject || scope.managed === true ? [root] : [...new Set([homeOf(machine), root])],
    preferred: others.filter((place) => place.includes('*')),
    alternates: named ? [] : [...namesBeside(scope, path, machine), ...others.filter((place) => !place.includes('*'))],
  };
}

/**
 * The places of `preferred` whose pattern fits a directory that is there. Exactly one name of a pattern has a `*`. A
 * program that writes elsewhere is not heard by such an installation, whether its file is there yet or not.
 */
export function preferredPlaces(
  { preferred }: ConfigTarget,
  os: Os,
  list: (directory: string) => readonly string[],
): string[] {
  const { sep, join } = syntaxOf(os);
  return preferred.flatMap((pattern) => {
    const names = pattern.split(sep);
    const at = names.findIndex((name) => name.includes('*'));
    const [before = '', after = ''] = names[at]?.split('*') ?? [];
    const above = names.slice(0, at).join(sep);
    return list(above)
      .filter((name) => name.startsWith(before) && name.endsWith(after))
      .map((name) => join(above, name, ...names.slice(at + 1)));
  });
}

function namesBeside({ alternate_names = [] }: ConfigScope, path: string, { os }: Machine): string[] {
  const { dirname, join } = syntaxOf(os);
  return alternate_names.map((name) => join(dirname(path), name));
}

function fixedTemplate(client: ClientDefinition, scope: ConfigScope, os: Os): string {
  const template = scope.paths[os];
  if (template !== null && !/[*<]/.test(template)) return template;
  const reason = template === null ? `has no file on ${os}` : 'has no fixed place: name the file yourself';
  const message = `The scope ${scope.scope} of ${client.display_name} ${reason}.`;
  const field = template === null ? 'config_scope' : 'config_path';
  const isFile = Object.values(scope.paths).some((path) => path !== null);
  throw new AppError('INVALID_INPUT', message, { field }, isFile ? { hint: 'Name the file: --config-path FILE.' } : {});
}

/** The project that a scope is about, in one spelling; undefined for a scope that has nothing to do with one. */
export function projectOf({ paths, pointer }: ConfigScope, machine: Machine): string | undefined {
  const templates = [...Object.values(paths), pointer];
  if (!templates.some((template) => template?.includes('${workspace}') === true)) return undefined;
  return directory(machine.project, 'The project directory', 'project', machine.os, 'Name it: --project DIR.');
}

/** The pointer of a scope whose servers stand under the path of a project, filled in. */
export const pointerIn = (pointer: string, project: string | undefined): string =>
  project === undefined
    ? pointer
    : pointer.replaceAll('${workspace}', project.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Where a deployment of this client and scope goes. */
export function resolveConfigPath(client: ClientDefinition, scope: string | undefined, machine: Machine): ConfigTarget {
  return locateConfig(client, deployableScope(client, scope), machine);
}

/**
 * Is the client on this machine? By its directories, the place that its own variable names, or its program. A path that
 * cannot be made out on this machine (no home, `%ProgramFiles%` not set) is a path with nothing there.
 */
export function detectInstalled(
  client: ClientDefinition,
  machine: Machine,
  exists: (path: string) => boolean,
  onPath: (binary: string) => boolean,
): boolean {
  const named = client.detect[machine.os].filter((template) => !template.includes('*'));
  const places = [
    ...named.map((template) => () => expandTemplate(template, machine).path),
    ...client.scopes.map((scope) => () => overridden(scope, machine)?.sign),
  ];
  return client.detect.binaries.some(onPath) || places.some((place) => isThere(place, exists));
}

function isThere(place: () => string | undefined, exists: (path: string) => boolean): boolean {
  try {
    const path = place();
    return path !== undefined && exists(path);
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
