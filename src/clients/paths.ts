import { posix, win32 } from 'node:path';
import { AppError } from '../core/errors.ts';
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
  const exact = env[name];
  if (exact !== undefined || os !== 'windows') return exact === '' ? undefined : exact;
  const same = Object.keys(env).find((key) => key.toUpperCase() === name.toUpperCase());
  return same === undefined || env[same] === '' ? undefined : env[same];
}

/** A directory that a person or a variable names. The root of a disk is refused: it would allow every file. */
function directory(value: string | undefined, what: string, field: string, os: Os): string {
  const { isAbsolute, normalize, parse } = syntaxOf(os);
  const refuse = (reason: string) =>
    new AppError('INVALID_INPUT', `${what} ${reason}, so the client's file cannot be found.`, {
      field,
      issues: [{ path: field, message: `${what} ${reason}` }],
    });
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
  return directory(value, `The variable ${name}`, name, machine.os);
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
    return { base: directory(machine.project, 'The project directory', 'project', machine.os), below };
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

/**
 * Where the file of one scope is, without any look at the disk and without asking whether it may be written. Where a file
 * has no fixed place, a person has `named` it; it may lie inside their home directory.
 */
export function locateConfig(
  client: ClientDefinition,
  scope: ConfigScope,
  machine: Machine,
  named?: string,
): ConfigTarget {
  if (named !== undefined && isPattern(scope.paths[machine.os])) {
    return { path: named, roots: [homeOf(machine)], preferred: [], alternates: [] };
  }
  const moved = overridden(scope, machine);
  const others = (scope.alternate_paths?.[machine.os] ?? []).map((template) => expandTemplate(template, machine).path);
  const { path, root } = moved ?? expandTemplate(fixedTemplate(client, scope, machine.os), machine);
  // A variable that names the file itself leaves no choice.
  const fixed = moved !== undefined && moved.path === moved.sign;
  const inProject = scope.paths[machine.os]?.startsWith('${workspace}') === true;
  return {
    path,
    roots: inProject || scope.managed === true ? [root] : [...new Set([homeOf(machine), root])],
    preferred: others.filter((place) => place.includes('*')),
    alternates: fixed ? [] : [...namesBeside(scope, path, machine), ...others.filter((place) => !place.includes('*'))],
  };
}

function namesBeside({ alternate_names = [] }: ConfigScope, path: string, { os }: Machine): string[] {
  const { dirname, join } = syntaxOf(os);
  return alternate_names.map((name) => join(dirname(path), name));
}

const isPattern = (template: string | null) => template !== null && /[*<]/.test(template);

function fixedTemplate(client: ClientDefinition, scope: ConfigScope, os: Os): string {
  const template = scope.paths[os];
  if (template !== null && !isPattern(template)) return template;
  const reason = template === null ? `has no file on ${os}` : 'has no fixed place: name the file yourself';
  throw new AppError('INVALID_INPUT', `The scope ${scope.scope} of ${client.display_name} ${reason}.`, {
    field: template === null ? 'config_scope' : 'config_path',
  });
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
