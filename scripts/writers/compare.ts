import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CorpusFile, placeIn, putFile } from '../../test/support/corpus.ts';
import { entriesIn, type Harm, harmsOf, isReadable } from '../../test/witness/witness.ts';
import { type Program, SERVER } from './programs.ts';

/** What became of one file under one program. */
export interface Outcome {
  /**
   * `written`: the server is in the file; `refused`: the file is as it was; `elsewhere`: that program keeps the servers of
   * the client in another file; `unsupported`: it does not know the client, or not this file of it; `changed`: the file is
   * another one, and the server is not in it.
   */
  what: 'written' | 'changed' | 'refused' | 'elsewhere' | 'unsupported';
  /** What happened to everything but the new server; absent when nothing was written, or nothing could be read before. */
  harms?: Harm[];
  /** Is the file what it was to the byte, once the server was taken out again? */
  restored?: boolean;
}

export interface FileResult {
  /** Can the client read it at all? */
  sound: boolean;
  outcomes: Record<string, Outcome>;
}

/** Is the server in another file than that one? What a program keeps for itself does not count. */
const wroteElsewhere = (home: string, path: string): boolean =>
  readdirSync(home, { recursive: true, withFileTypes: true }).some((entry) => {
    const file = join(entry.parentPath, entry.name);
    const own = /\/\.(?:rulesync|mcp-orchestration)(?:\/|$)/.test(entry.parentPath);
    return entry.isFile() && !own && file !== path && readFileSync(file, 'utf8').includes(SERVER.name);
  });

function outcomeOf(program: Program, file: CorpusFile, home: string): Outcome {
  const target = program.targetOf(file);
  if (target === undefined) return { what: 'unsupported' };
  const placed = placeIn(home, file);
  const { path, of } = placed;
  const before = file.bytes(placed.project);
  putFile(path, before);
  const ok = program.add(home, target, file, placed);
  if (!existsSync(path)) return { what: 'changed', harms: ['unreadable', 'bytes'] };
  const after = readFileSync(path);
  if (after.equals(before)) return { what: ok && wroteElsewhere(home, path) ? 'elsewhere' : 'refused' };
  // A file that its client cannot read may still be one for a more lenient reader.
  const lenient = of.format === 'json' && !isReadable(before, of) ? ({ ...of, format: 'jsonc' } as const) : of;
  const has = isReadable(after, lenient) && entriesIn(after, lenient).has(SERVER.name);
  const judged = isReadable(before, lenient)
    ? { harms: harmsOf({ ...lenient, before, after, owned: [SERVER.name] }) }
    : {};
  const what = has ? 'written' : 'changed';
  // Bytes that are lost do not come back when the server goes.
  if (judged.harms?.includes('bytes') !== false) return { what, ...judged, restored: false };
  program.remove(home, target, file, placed);
  return { what, ...judged, restored: existsSync(path) && readFileSync(path).equals(before) };
}

/** One file under every program, each in a home directory of its own; this product keeps one for all, as a user does. */
export function compareFile(file: CorpusFile, programs: readonly Program[], ourHome: string): FileResult {
  const outcomes: Record<string, Outcome> = {};
  let sound = false;
  for (const program of programs) {
    const own = program.name === 'mcp-orchestration';
    const home = own ? ourHome : temporaryHome();
    try {
      outcomes[program.name] = outcomeOf(program, file, home);
      const { project, of, path } = placeIn(home, file);
      sound = isReadable(file.bytes(project), of);
      rmSync(path, { force: true });
    } finally {
      if (!own) rmSync(home, { recursive: true, force: true });
    }
  }
  return { sound, outcomes };
}

export const temporaryHome = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'writers-')));
