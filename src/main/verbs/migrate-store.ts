import { existsSync } from 'node:fs';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { printable, styleFor, type Terminal, write } from '../../adapters/cli/terminal.ts';
import { AppError, invalidInput } from '../../core/errors.ts';
import type { CopiedTable } from '../../stores/copy.ts';
import type { StoreProblem } from '../../stores/inspect/problems.ts';
import { type Database, databaseOf } from '../config.ts';
import { fillStore, openStore } from '../stores.ts';
import { watched } from './backup.ts';

interface Migrated {
  status: 'migrated';
  from: Database['kind'];
  to: Database['kind'];
  tables: CopiedTable[];
  /** What cannot be in the new store: it was so in the old one. */
  problems: StoreProblem[];
}

/** `migrate-store`: everything of one store into an empty one, with a proof that it is all there. */
export const migrateStoreVerb: LocalVerb = {
  verb: 'migrate-store',
  summary: 'Copy everything of one store into another, and prove that it is all there',
  declare(command) {
    command
      .requiredOption('--from <url>', 'the store that is there: sqlite:PATH or postgres://USER@HOST/DATABASE')
      .requiredOption('--to <url>', 'the new store, empty or from a copy that was broken off')
      .option('--json', 'print one JSON object, and nothing else, on stdout');
  },
  async run(terminal, options) {
    const [from, to] = [databaseOf(String(options['from']), '--from'), databaseOf(String(options['to']), '--to')];
    if (JSON.stringify(from) === JSON.stringify(to)) throw invalidInput('to', 'it is the store that is copied');
    const json = options['json'] === true;
    const migrated = await watched(terminal, json, (progress) => migrate(from, to, progress));
    await tell(terminal, migrated, json);
    return migrated.problems.some(({ severity }) => severity === 'error') ? 7 : 0;
  },
};

async function migrate(from: Database, to: Database, progress: (doing: string) => void): Promise<Migrated> {
  if (from.kind === 'sqlite' && !existsSync(from.path)) throw invalidInput('from', 'there is no such file');
  const { assertFor, copyStore, digestOf } = await import('../../stores/copy.ts');
  const { inspect } = await import('../../stores/inspect/inspect.ts');
  const source = await openStore(from);
  try {
    // What a newer version has added would be left out.
    if (source.refusal) throw source.refusal();
    // Every change by an operation has an audit row, and with it another number.
    const numbers = async () => (await source.snapshot((now) => digestOf(now.tables, 'counters'))).sha256;
    const before = await numbers();
    const tables = await source.snapshot(({ tables: rows }) =>
      fillStore(to, async (into) => {
        await assertFor(rows, into);
        return copyStore({ from: rows, to: into, progress });
      }),
    );
    const target = await openStore(to);
    try {
      const { problems } = await target.snapshot((snapshot) => inspect(snapshot, progress));
      if ((await numbers()) !== before) throw changedMeanwhile();
      return { status: 'migrated', from: from.kind, to: to.kind, tables, problems };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function changedMeanwhile(): AppError {
  const message = 'Something was written into the old store while it was copied, and is missing in the new one.';
  const hint = 'Stop everything that uses the old store, and copy it again, into an empty database.';
  return new AppError('UNAVAILABLE', message, { reason: 'source_changed' }, { hint });
}

async function tell(terminal: Terminal, migrated: Migrated, json: boolean): Promise<void> {
  if (json) return write(terminal.stdout, `${JSON.stringify(migrated)}\n`);
  const style = await styleFor(terminal);
  const rows = migrated.tables
    .filter(({ rows }) => rows > 0)
    .map(({ table, rows, sha256 }) => [table, `${rows}`, sha256]);
  const found = migrated.problems.map(({ severity, code, message }) => `${severity}: ${code}: ${message}`);
  const lines = [
    style.table(['table', 'rows', 'SHA-256, the same on both sides'], rows),
    '',
    `${style.good('Copied.')} Name the new store in MCP_ORCHESTRATION_DATABASE_URL, for every process.`,
  ];
  await write(terminal.stdout, printable(`${lines.join('\n')}\n`));
  if (found.length > 0) await write(terminal.stderr, printable(`${found.join('\n')}\n`));
}
