import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { inSandbox, type Sandbox } from '../sandbox.ts';

/** A store that is measured: what it is called, and a sandbox that keeps everything in it. */
export interface MeasuredStore {
  name: string;
  /** The sandbox with the settings of the store; `drop` takes the database away. */
  open(sandbox: Sandbox): Promise<{ sandbox: Sandbox; drop(): Promise<void> }>;
  /** Runs statements past the product, in the dialect of the store. */
  execute(sandbox: Sandbox, statement: string): Promise<void>;
  /** An expression for 64 hexadecimal digits, different in each row. */
  random_id: string;
  /** What the store does by itself after so many rows, some time later: beside it nothing can be measured. */
  settle: readonly string[];
}

const SERVER = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const REDIS = process.env['TEST_REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const DATABASE = 'MCP_ORCHESTRATION_DATABASE_URL';

const sqlite: MeasuredStore = {
  name: 'SQLite',
  open: async (sandbox) => ({ sandbox, drop: async () => undefined }),
  async execute({ home }, statement) {
    const database = new DatabaseSync(join(home, '.mcp-orchestration/state.db'), { timeout: 5000 });
    database.exec(statement);
    database.close();
  },
  random_id: 'lower(hex(randomblob(32)))',
  settle: [],
};

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

const postgres = (name: string, more: Record<string, string>): MeasuredStore => ({
  name,
  async open({ home, env }) {
    const database = `mcpo_bench_${randomBytes(6).toString('hex')}`;
    await asAdmin(SERVER, `create database ${database}`);
    const url = new URL(SERVER);
    url.pathname = `/${database}`;
    return {
      sandbox: { home, env: { ...env, ...more, [DATABASE]: url.href } },
      drop: () => asAdmin(SERVER, `drop database ${database} with (force)`),
    };
  },
  execute: ({ env }, statement) => asAdmin(env[DATABASE] ?? '', statement),
  random_id: 'md5(random()::text || n) || md5(n || random()::text)',
  settle: ['vacuum analyze artifacts', 'vacuum analyze releases', 'checkpoint'],
});

export const STORES: readonly MeasuredStore[] = [
  sqlite,
  postgres('PostgreSQL', {}),
  postgres('PostgreSQL and Redis', { MCP_ORCHESTRATION_REDIS_URL: REDIS }),
];

export const TARGET = { client_id: 'claude-desktop', profile_id: 'default' };

/** Does the work in a sandbox with an empty store, which is gone afterwards. */
export const onStore = <T>(store: MeasuredStore, work: (sandbox: Sandbox) => Promise<T>): Promise<T> =>
  inSandbox(async (plain) => {
    const { sandbox, drop } = await store.open(plain);
    try {
      return await work(sandbox);
    } finally {
      await drop();
    }
  });

/** After a first release: more of the same profile, until there are so many. Written past the operations: only their number counts. */
export async function grow(store: MeasuredStore, sandbox: Sandbox, from: number, to: number): Promise<void> {
  if (to <= from) return;
  await store.execute(
    sandbox,
    `create table grown as with recursive numbers(n) as (select ${from + 1} union all select n + 1 from numbers where n < ${to})
       select n, ${store.random_id} as id from numbers;
     insert into artifacts (workspace, artifact_id, canonical, created_at)
       select a.workspace, g.id, a.canonical, a.created_at from grown g, (select * from artifacts limit 1) a;
     insert into releases (workspace, client_id, profile_id, sequence, artifact_id, version, previous_artifact_id, changelog,
         server_count, policy_digest, signing_key_id, issued_at, expires_at, envelope)
       select r.workspace, r.client_id, r.profile_id, g.n, g.id, r.version, r.previous_artifact_id, r.changelog,
         r.server_count, r.policy_digest, r.signing_key_id, r.issued_at, r.expires_at, r.envelope
       from grown g, (select * from releases where sequence = 1) r order by g.n;
     drop table grown`,
  );
  for (const statement of store.settle) await store.execute(sandbox, statement);
}
