import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { REQUIREMENTS } from './requirements.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const range = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);

/** The list of ids, in literal form: a requirement cannot vanish by being forgotten. */
const IDS = [
  ...range('W20', 9),
  ...range('W21', 6),
  ...range('W22', 6),
  'REL-1',
  ...range('FR', 15),
  ...range('NFR', 12),
  ...range('UC', 5),
  ...range('AC', 5),
  ...range('TOP', 2),
];

const sources = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') || /scenarios(-local)?\.ts$/.test(name))
    .filter((name) => !name.endsWith('requirements.test.ts'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8')),
);

it('names every requirement once, and none that does not exist', () => {
  expect(Object.keys(REQUIREMENTS)).toEqual(IDS);
});

it.each(Object.entries(REQUIREMENTS))('%s is shown by tests that exist, or open with a reason', (_id, requirement) => {
  if ('open' in requirement) {
    expect(requirement.open.length).toBeGreaterThan(10);
    return;
  }
  expect(requirement.shown_by.length).toBeGreaterThan(0);
  const missing = requirement.shown_by.filter((title) => !sources.some((text) => text.includes(title)));
  expect(missing).toEqual([]);
});
