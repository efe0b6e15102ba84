import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { verifyRelease } from '../../src/core/verify.ts';
import { type App, compose } from '../../src/main/compose.ts';
import { readConfig } from '../../src/main/config.ts';
import { quietLog } from '../../src/main/log.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { invoke } from '../../src/operations/operation.ts';
import type { Workspace } from '../support/workspace.ts';

/** What a client was told: this release exists. */
export interface Acknowledged {
  client_id: string;
  profile_id: string;
  sequence: number;
  artifact_id: string;
}

/** A fresh start of the product on a home directory, as the next command is one. */
export async function onHome<T>({ env }: Pick<Workspace, 'env'>, work: (app: App) => Promise<T>): Promise<T> {
  const app = await compose({ config: readConfig(env), env, log: quietLog(() => undefined, false) });
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}

/** Calls one operation by the name of its tool. */
export function callOn(app: App, tool: string, input: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const operation = OPERATIONS.find(({ mcp }) => mcp?.tool === tool);
  if (!operation) throw new Error(`no operation has the tool ${tool}`);
  return invoke(operation, app.localContext('cli'), input);
}

/** The same in a fresh start of the product. */
export const call = (workspace: Pick<Workspace, 'env'>, tool: string, input: Record<string, unknown> = {}) =>
  onHome(workspace, (app) => callOn(app, tool, input));

/**
 * Everything that has to be true of a store at rest: it is undamaged, sequences run 1..N and link to each other, every
 * release from `from` on verifies as a stranger would verify it, and nothing that was acknowledged is gone.
 * Returns the latest sequence.
 */
export async function assertWhole(
  workspace: Workspace,
  target: { client_id: string; profile_id: string },
  acknowledged: readonly Acknowledged[],
  from = 1,
): Promise<number> {
  const { client_id, profile_id } = target;
  return onHome(workspace, async ({ store }) => {
    const latest = await store.releases.latest('default', client_id, profile_id);
    const keys = new Map((await store.keys.list('default')).map((key) => [key.key_id, key]));
    let previous = (await store.releases.bySequence('default', client_id, profile_id, from - 1))?.artifact_id ?? null;
    const published = publishedIn(workspace);
    for (let sequence = from; sequence <= (latest?.sequence ?? 0); sequence += 1) {
      const row = await store.releases.bySequence('default', client_id, profile_id, sequence);
      if (!row) throw new Error(`release ${sequence} of ${client_id}/${profile_id} is missing`);
      const artifact = await store.artifacts.get('default', row.artifact_id);
      const expected = { workspace: 'default', client_id, profile_id, artifact_id: row.artifact_id, sequence };
      verifyRelease(
        row.envelope,
        { ...expected, canonical_payload: JSON.parse(artifact?.canonical ?? ''), now: new Date() },
        keys,
      );
      expect(row.previous_artifact_id).toBe(previous);
      expect(published, 'the audit row of every release').toContain(`${client_id}/${profile_id}/${sequence}`);
      previous = row.artifact_id;
    }
    for (const told of acknowledged) {
      const row = await store.releases.bySequence('default', told.client_id, told.profile_id, told.sequence);
      expect(row?.artifact_id, `release ${told.sequence} was acknowledged`).toBe(told.artifact_id);
    }
    return latest?.sequence ?? 0;
  });
}

function publishedIn(workspace: Workspace): Set<string> {
  const rows = query(workspace, "select client_id, profile_id, facts from audit where operation = 'releases.publish'");
  return new Set(
    rows.map(({ client_id, profile_id, facts }) => `${client_id}/${profile_id}/${JSON.parse(String(facts)).sequence}`),
  );
}

/** Rows of the data directory's database, read past the product. */
export function query({ data_dir }: Pick<Workspace, 'data_dir'>, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(join(data_dir, 'state.db'), { timeout: 5000 });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

export const isUndamaged = (workspace: Workspace): boolean =>
  query(workspace, 'pragma integrity_check')[0]?.['integrity_check'] === 'ok';

/** What writers leave behind when they are killed, and nobody has cleared away yet. */
export const temporaryFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'));
