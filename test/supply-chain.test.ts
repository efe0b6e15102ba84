import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

interface Package {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  hasInstallScript?: boolean;
  resolved?: string;
}
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const packages = Object.entries(lock.packages as Record<string, Package>).filter(([path]) => path !== '');
/** An optional package that we ask for by name counts; its builds for single platforms do not. */
const isNamed = (path: string) => nameOf(path) in manifest.optionalDependencies;
const nameOf = (path: string) => path.replace(/^.*node_modules\//, '');

it('pins every dependency exactly', () => {
  const ranges = Object.entries({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  }).filter(([, version]) => !/^(npm:.+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
  expect(ranges).toEqual([]);
});

it('installs the runtime packages of the checked-in list, and no others', () => {
  const runtime = packages
    .filter(([path, entry]) => isNamed(path) || (!entry.dev && !entry.optional && !entry.devOptional))
    .map(([path]) => nameOf(path));
  const listed = readFileSync(new URL('./fixtures/runtime-packages.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  expect([...new Set(runtime)].sort()).toEqual(listed);
  expect(listed.length).toBeLessThanOrEqual(130);
});

it('lets only the package of Node itself run an install script', () => {
  const scripts = packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => nameOf(path));
  const allowed = Object.entries(manifest.allowScripts)
    .filter(([, yes]) => yes)
    .map(([name]) => name);
  expect(allowed).toEqual(['node']);
  expect(scripts.filter((name) => !(name in manifest.allowScripts))).toEqual([]);
});

it('lists the optional packages of every platform, so that npm ci works on all of them', () => {
  const script = fileURLToPath(new URL('../scripts/complete-lockfile.ts', import.meta.url));
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
});

it('keeps the lock file free of download addresses', () => {
  expect(packages.filter(([, entry]) => entry.resolved?.startsWith('http')).map(([path]) => path)).toEqual([]);
});
