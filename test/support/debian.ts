import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

/**
 * Where the files of a Debian package are, as below `/`: unpacked and not installed, so that nothing starts and nothing of
 * the machine changes. Done once, and only where a whole machine is ours (CI, root). A string without a leading slash
 * says why it was not.
 */
export function unpackedPackage(name: string): string {
  const folder = join(ROOT, '.tools', name);
  if (existsSync(folder)) return folder;
  const isOurs = process.env['CI'] !== undefined || process.getuid?.() === 0;
  if (!isOurs || !existsSync('/usr/bin/apt-get')) return `${name} is not installed (Debian: apt-get install ${name})`;
  try {
    unpack(name, folder);
    return folder;
  } catch (error) {
    return `${name} is not installed, and its package cannot be had: ${(error as Error).message}`;
  }
}

function unpack(name: string, folder: string): void {
  mkdirSync(join(ROOT, '.tools'), { recursive: true });
  const directory = mkdtempSync(`${folder}-`);
  try {
    const download = () => spawnSync('apt-get', ['download', name], { cwd: directory, encoding: 'utf8' });
    if (download().status !== 0) {
      // An image may come without lists of packages.
      spawnSync('apt-get', ['update'], { stdio: 'ignore' });
      const { status, stderr } = download();
      if (status !== 0) throw new Error(stderr.trim());
    }
    const [file = ''] = readdirSync(directory);
    execFileSync('dpkg-deb', ['--extract', join(directory, file), join(directory, 'root')]);
    renameSync(join(directory, 'root'), folder);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
