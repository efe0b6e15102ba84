import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FAULTS, THREATS } from './threats.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const sources = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') || /(?:contract\/.*|writer-properties)\.ts$/.test(name))
    .filter((name) => !name.endsWith('threats.test.ts'))
    .map((name) => readFileSync(join(ROOT, folder, name), 'utf8')),
);

it('names every threat to client files and to the HTTP platform, in literal form', () => {
  expect(Object.keys(THREATS)).toEqual(['T14', 'T19', 'T20', 'T21', 'T22', 'T23', 'T24', 'T25', 'T26', 'T27', 'T28']);
});

it.each(Object.entries({ ...THREATS, ...FAULTS }))('%s is met by tests that exist', (_id, { shown_by, long = [] }) => {
  expect(shown_by.length).toBeGreaterThan(0);
  const missing = [...shown_by, ...long].filter((title) => !sources.some((text) => text.includes(title)));
  expect(missing).toEqual([]);
});
