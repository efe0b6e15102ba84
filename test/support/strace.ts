import { existsSync } from 'node:fs';

/** The Debian package `strace`: it delays system calls of a program, or lets them fail. */
export const STRACE = '/usr/bin/strace';

/** Whether a test can go on; says why when it cannot. */
export function hasStrace(): boolean {
  const there = existsSync(STRACE);
  if (!there) process.stderr.write('skipped: there is no strace on this machine (Debian package: strace)\n');
  return there;
}
