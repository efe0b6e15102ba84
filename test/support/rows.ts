import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';

type Place = Readonly<Record<string, string | undefined>>;
export type Row = Record<string, unknown>;

/**
 * What a program of the database says or does, past the product: the rows of the last of some statements. The workspace
 * is that of `env`, on whichever store it is.
 */
export async function rowsIn(env: Place, ...statements: string[]): Promise<Row[]> {
  const url = env['MCP_ORCHESTRATION_DATABASE_URL'];
  if (url?.startsWith('postgres')) {
    const rows = await rowsInPostgres(url, statements);
    // A good copy would hide what was just damaged.
    const redis = env['MCP_ORCHESTRATION_REDIS_URL'];
    if (redis) await (await import('./redis.ts')).forgetTexts(redis);
    return rows;
  }
  const database = new DatabaseSync(join(env['HOME'] ?? '', '.mcp-orchestration/state.db'), { timeout: 5000 });
  try {
    let rows: Row[] = [];
    for (const statement of statements)
      rows = database
        .prepare(statement)
        .all()
        .map((row) => ({ ...row }));
    return rows;
  } finally {
    database.close();
  }
}

async function rowsInPostgres(connectionString: string, statements: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  client.setTypeParser(pg.types.builtins.INT8, Number);
  await client.connect();
  try {
    let rows: Row[] = [];
    await client.query(`select set_config('mcp_orchestration.workspace', '*', false)`);
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}
