import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

export const pathExists = (path: string): boolean => existsSync(path);

type Environment = Readonly<Record<string, string | undefined>>;

/** The file that starts under that name: an absolute path as it is, a bare name by PATH. Undefined: nothing does. */
export function findProgram(name: string, env: Environment): string | undefined {
  if (isAbsolute(name)) return isExecutable(name) ? name : undefined;
  const names = process.platform === 'win32' ? [`${name}.exe`, `${name}.cmd`, name] : [name];
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .flatMap((directory) => names.map((candidate) => join(directory, candidate)))
    .find(isExecutable);
}

/** Whether a program of that name is on PATH and may be executed. */
export const isOnPath = (binary: string, env: Environment): boolean => findProgram(binary, env) !== undefined;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
