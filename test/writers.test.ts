import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareFile, temporaryHome } from '../scripts/writers/compare.ts';
import { areInstalled, PROGRAMS } from '../scripts/writers/programs.ts';
import { type Results, withTable } from '../scripts/writers/table.ts';
import { corpus } from './support/corpus.ts';
import { ROOT } from './support/workspace.ts';

/** The counted comparison with other writers: its results are kept in the repository, and the page is made of them. */

const results = JSON.parse(readFileSync(join(ROOT, 'docs/evidence/writers.json'), 'utf8')) as Results;

test('the table of the writers is the one of the kept results, and those cover every file of the corpus', () => {
  const page = readFileSync(join(ROOT, 'user-docs/explanation/writer.md'), 'utf8');
  expect(withTable(page, results)).toBe(page);
  expect(Object.keys(results.files).toSorted()).toEqual(
    corpus()
      .map(({ file }) => file)
      .toSorted(),
  );
  expect(Object.keys(results.versions)).toEqual(PROGRAMS.map(({ name }) => name));
});

test('this product harmed no file of the comparison, and refused exactly those that the corpus names', () => {
  const expected = corpus().map(({ file, refused }) =>
    refused === undefined ? [file, { what: 'written', harms: [], restored: true }] : [file, { what: 'refused' }],
  );
  const ours = Object.entries(results.files).map(([file, { outcomes }]) => [file, outcomes['mcp-orchestration']]);
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(expected));
});

/** One of each family, as far as the others write them. */
const FEW = ['zed.settings.jsonc', 'codex-cli.settings.toml', 'goose.crlf.yaml', 'claude-desktop.half-written.json'];

test('the other writers do today what the kept results say', (context) => {
  if (!areInstalled()) context.skip('.tools/writers is not installed: node scripts/install-tools.ts writers');
  const others = PROGRAMS.filter(({ name }) => name !== 'mcp-orchestration');
  const home = temporaryHome();
  try {
    for (const file of corpus().filter((one) => FEW.includes(one.file))) {
      const { outcomes } = compareFile(file, others, home);
      for (const { name } of others) expect(outcomes[name]).toEqual(results.files[file.file]?.outcomes[name]);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
