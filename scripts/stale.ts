import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What goes into the bundle, or decides how it is made. */
const SOURCES = ['src', 'scripts', 'package.json', 'package-lock.json', 'rolldown.config.ts'];

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Is there no bundle, or is something newer that it is made of? */
export function isBundleStale(): boolean {
  const built = changedAt(join(ROOT, 'dist/bin.js'));
  const files = SOURCES.map((name) => join(ROOT, name)).flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
      : [path],
  );
  return built === 0 || files.some((file) => changedAt(file) > built);
}
