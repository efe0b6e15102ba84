import { DatabaseSync } from 'node:sqlite';

/**
 * Prints a database as SQL, for test/fixtures/databases: `node scripts/dump-database.ts state.db HOME > VERSION.sql`.
 * The home directory that it was made in becomes that of somebody.
 */
const [file = '', home = ''] = process.argv.slice(2);
const SOMEBODY = '/home/somebody';

const literal = (value: unknown): string => {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  return `'${String(value).replaceAll("'", "''").replaceAll(home, SOMEBODY)}'`;
};

const database = new DatabaseSync(file, { readOnly: true });
const objects = database.prepare(
  "select name, type, sql from sqlite_schema where sql is not null and name not like 'sqlite_%' order by rowid",
);
const all = objects.all().map(({ name, type, sql }) => ({ name: String(name), type: String(type), sql: String(sql) }));
console.log(all.map(({ sql }) => `${sql};`).join('\n'));
for (const { name } of all.filter(({ type }) => type === 'table')) {
  for (const row of database.prepare(`select * from "${name}" order by rowid`).all())
    console.log(`INSERT INTO "${name}" VALUES (${Object.values(row).map(literal).join(', ')});`);
}
database.close();
