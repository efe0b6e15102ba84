import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsOf, markdownFiles, ROOT, withoutCode } from './markdown.ts';

const read = (path: string) => withoutCode(readFileSync(join(ROOT, path), 'utf8'));

/** Targets of `[text](target)` that are neither addresses on the web nor mail. */
const linksOf = (path: string) =>
  [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target));

function isBroken(path: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file));
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !(target.endsWith('.md') && anchorsOf(read(target)).has(anchor));
}

describe('links in the documentation', () => {
  it.each(markdownFiles())('of %s lead somewhere', (path) => {
    expect(linksOf(path).filter((link) => isBroken(path, link))).toEqual([]);
  });

  it('would be noticed when they are broken', () => {
    expect(linksOf('README.md').length).toBeGreaterThan(20);
    expect(isBroken('README.md', 'no-such-file.md')).toBe(true);
    expect(isBroken('README.md', 'SECURITY.md#no-such-heading')).toBe(true);
    expect(isBroken('README.md', 'SECURITY.md#reporting-a-weakness')).toBe(false);
  });
});
