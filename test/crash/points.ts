import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/workspace.ts';

/** What stands for the variable part of a failpoint's name, for each way in which the sources write one. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  what: ['deploy', 'undo'],
  "options.failpoint ?? 'file'": ['file', 'backup', 'launcher'],
  points: ['file', 'backup', 'launcher'],
};

/** Every failpoint that the sources name, so that a test that strikes them all fails when one is added. */
function failpointsInSource(): string[] {
  const src = join(ROOT, 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  const found = files.flatMap((name) => {
    const calls = readFileSync(join(src, name), 'utf8').matchAll(/\b(?:fail|hold)point\((?:'([^']+)'|`([^`]+)`)\)/g);
    return [...calls].flatMap(([, plain, template]) => {
      const text = plain ?? template ?? '';
      const [, variable, rest = ''] = /^\$\{(.+)\}(.*)$/.exec(text) ?? [];
      if (variable === undefined) return [text];
      const variants = VARIANTS[variable];
      if (variants === undefined) throw new Error(`${name} names a failpoint in a new way: ${text}`);
      return variants.map((variant) => `${variant}${rest}`);
    });
  });
  return [...new Set(found)].toSorted();
}

const of = (...groups: string[]) => failpointsInSource().filter((name) => groups.includes(name.split('.')[0] ?? ''));
/** Passed by an undo that takes the whole file away, and by nothing else. */
export const REMOVAL = ['file.before-remove', 'file.after-set-aside'];
const removes = (name: string) => /\.(before-remove|after-set-aside)$/.test(name);
/** Only a file that was there before exchanges its name: a copy is always new, and so is the first launcher. */
const exchanges = (name: string) => name.endsWith('.after-exchange');

/** Passed only by a file that is new: the tests deploy into one that is there. */
const NEW_FILE = 'file.after-link';

/** The exit code of a Node that has nothing left to do, and waits for something all the same. */
export const WAITS_IN_VAIN = 13;

/** What goes to the disk side by side before a file is put in place: every choice of them that is not there yet. */
export function unfinished(what: 'deploy' | 'undo'): string[][] {
  const choices: string[][] = [[]];
  for (const point of ['backup.before-fsync', `${what}.before-intent`, 'file.before-fsync'])
    choices.push(...choices.map((choice) => [...choice, point]));
  return choices.filter(({ length }) => length > 0);
}

/** What a deployment passes: it writes a copy and a file, and takes none away. */
export const deployPoints = () =>
  of('deploy', 'file')
    .concat(of('backup').filter((name) => !exchanges(name)))
    .filter((name) => !removes(name) && name !== NEW_FILE);
/** What the first deployment passes besides. */
export const launcherPoints = () => of('launcher').filter((name) => !removes(name) && !exchanges(name));
/** What an undo passes: it takes a file away that was not there before. */
export const undoPoints = () =>
  of('undo', 'file')
    .filter((name) => name !== NEW_FILE)
    .concat(of('backup').filter((name) => !removes(name) && !exchanges(name)));
