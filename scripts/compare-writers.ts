import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { corpus } from '../test/support/corpus.ts';
import { compareFile, type FileResult, temporaryHome } from './writers/compare.ts';
import { PROGRAMS } from './writers/programs.ts';
import { type Results, tableOf, withTable } from './writers/table.ts';

/**
 * `npm run compare:writers` puts every file of test/golden/corpus before this product, add-mcp and rulesync, and counts
 * with one witness what they did to it. `-- --write` keeps the result, and the table in the page. `-- --only goose` looks at
 * the files whose names begin so, and takes what is kept of the others.
 */

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const RESULTS = path('docs/evidence/writers.json');
const PAGE = path('user-docs/explanation/writer.md');

const { values } = parseArgs({ options: { write: { type: 'boolean' }, only: { type: 'string', default: '' } } });
const home = temporaryHome();
const kept: Record<string, FileResult> = values.only === '' ? {} : JSON.parse(readFileSync(RESULTS, 'utf8')).files;
const files: Record<string, FileResult> = {};
try {
  const all = corpus();
  for (const [i, file] of all.entries()) {
    const known = file.file.startsWith(values.only) ? undefined : kept[file.file];
    files[file.file] = known ?? compareFile(file, PROGRAMS, home);
    process.stderr.write(`\r${i + 1} of ${all.length}`);
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.stderr.write('\n');
const results: Results = {
  date: new Date().toISOString().slice(0, 10),
  command: 'npm run compare:writers',
  versions: Object.fromEntries(PROGRAMS.map(({ name, version }) => [name, version])),
  files,
};
console.log(tableOf(results));
if (values.write === true) {
  const lines = Object.entries(files).map(([name, result]) => `    ${JSON.stringify(name)}: ${JSON.stringify(result)}`);
  const { files: _files, ...head } = results;
  const top = JSON.stringify(head, null, 2).replace(/\n\}$/, ',\n');
  writeFileSync(RESULTS, `${top}  "files": {\n${lines.join(',\n')}\n  }\n}\n`);
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), results));
}
