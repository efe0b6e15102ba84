import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const pathExists = (path: string): boolean => existsSync(path);

/** Whether a program of that name is on PATH and may be executed. */
export function isOnPath(binary: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const names = process.platform === 'win32' ? [`${binary}.exe`, `${binary}.cmd`, binary] : [binary];
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .some((directory) => names.some((name) => isExecutable(join(directory, name))));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
