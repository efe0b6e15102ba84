import { lstatSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import path from 'node:path';
import { AppError } from '../../core/errors.ts';
import { step, writeFailed } from './faults.ts';

/** As many as Linux follows before it calls them a loop. */
const MAX_LINKS = 40;

/** A path that is safe to write: no link is left in it, and nobody else's file is at its end. */
export interface Target {
  /** Behind all links. */
  path: string;
  /** By which it is reached while its directory is held open. */
  at?: string;
  requested_path: string;
  exists: boolean;
  /** The user who must own the file; null on Windows, where ownership is not checked. */
  uid: number | null;
}

export interface TargetRequest {
  path: string;
  /** `process.getuid()`; not looked at on Windows. */
  uid: number;
  /** Home, directories named by a client's variable, the project. */
  allowed_roots: readonly string[];
}

interface Root {
  given: string;
  real: string;
}

/**
 * Resolves the links of a path once, itself, so that each can be judged: it has to belong to the user, and so has the
 * regular file at the end. The file and its directories may be missing. The links that lead to an allowed root are the
 * system's and count as part of the root. Creates nothing.
 */
export async function resolveTarget({ path: requested, uid, allowed_roots }: TargetRequest): Promise<Target> {
  if (!path.isAbsolute(requested) || requested.includes('\0')) {
    throw refuse(requested, 'not_absolute', 'is not an absolute path');
  }
  const roots = allowed_roots.map(rootOf);
  const owner = process.platform === 'win32' ? null : uid;
  const { resolved, stats } = await walk(requested, roots, owner);
  if (!roots.some(({ real }) => isInside(resolved, real))) {
    throw refuse(requested, 'outside_allowed_roots', 'leads out of the directories that may be written');
  }
  if (stats !== null) requireOwnFile(requested, stats, owner);
  return { path: resolved, requested_path: requested, exists: stats !== null, uid: owner };
}

function rootOf(given: string): Root {
  const absolute = path.resolve(given);
  try {
    return { given: absolute, real: realpathSync.native(absolute) };
  } catch {
    return { given: absolute, real: absolute };
  }
}

/** By whole segments: `/home/ann2` is not inside `/home/ann`, and a root is not inside itself. */
function isInside(candidate: string, root: string): boolean {
  const relative = path.relative(root, candidate);
  return relative !== '' && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}

/** Where a walk starts: behind the longest allowed root that the path names, else at the file system's root. */
function startOf(absolute: string, roots: readonly Root[]): { at: string; rest: string[] } {
  const inside = (base: string) =>
    absolute === base || absolute.startsWith(base.endsWith(path.sep) ? base : base + path.sep);
  const bases = roots.flatMap(({ given, real }) => [
    { base: given, real },
    { base: real, real },
  ]);
  const [longest] = bases.filter(({ base }) => inside(base)).toSorted((a, b) => b.base.length - a.base.length);
  const top = path.parse(absolute).root;
  const { base, real } = longest ?? { base: top, real: top };
  return { at: real, rest: segmentsOf(absolute.slice(base.length)) };
}

const segmentsOf = (text: string) =>
  text.split(process.platform === 'win32' ? /[\\/]/ : '/').filter((part) => part !== '');

async function walk(
  requested: string,
  roots: readonly Root[],
  owner: number | null,
): Promise<{ resolved: string; stats: Stats | null }> {
  let { at, rest } = startOf(requested, roots);
  let stats: Stats | null = null;
  let links = 0;
  for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
    if (next === '.') continue;
    const here = next === '..' ? path.dirname(at) : path.join(at, next);
    stats = lstatOrNull(requested, here);
    if (!stats?.isSymbolicLink()) {
      if (stats !== null && rest.length > 0 && !stats.isDirectory()) throw notDirectory(requested);
      at = here;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw refuse(requested, 'ELOOP', 'is a loop of symbolic links');
    if (owner !== null && stats.uid !== owner) throw foreign(requested, 'passes a symbolic link of another user');
    const leads = await step('resolve', requested, async () => readlinkSync(here));
    const behind = path.isAbsolute(leads) ? startOf(leads, roots) : { at, rest: segmentsOf(leads) };
    [at, rest] = [behind.at, [...behind.rest, ...rest]];
    stats = null;
  }
  return { resolved: at, stats: stats ?? lstatOrNull(requested, at) };
}

function lstatOrNull(requested: string, here: string): Stats | null {
  try {
    return lstatSync(here, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    throw writeFailed('resolve', requested, error);
  }
}

/** Also asked again of the opened file, which may be another one by then. */
export function requireOwnFile(name: string, stats: Stats, owner: number | null): void {
  if (stats.isDirectory()) throw refuse(name, 'EISDIR', 'is a directory');
  if (!stats.isFile()) throw refuse(name, 'not_a_regular_file', 'is a pipe, a device or a socket, not a file');
  if (owner !== null && stats.uid !== owner) throw foreign(name, 'belongs to another user');
}

const notDirectory = (name: string) => refuse(name, 'ENOTDIR', 'passes a file where a directory is needed');
const foreign = (name: string, what: string) => refuse(name, 'foreign_owner', what);

function refuse(name: string, reason: string, what: string): AppError {
  const hint = 'Nothing was changed. Look at this path and its links, or choose another one.';
  return new AppError('WRITE_FAILED', `${name} ${what}.`, { reason, step: 'resolve', path: name }, { hint });
}
