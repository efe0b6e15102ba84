import { execFileSync } from 'node:child_process';
import { isBundleStale } from '../../scripts/stale.ts';
import { ROOT } from './workspace.ts';

/** Tests that start real processes start what a user would get: the bundle, made anew when a source is newer. */
export function setup(): void {
  if (isBundleStale()) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
}
