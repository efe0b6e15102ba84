import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
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
 * Everything that has to be true of a store at rest, as `doctor --deep` sees it (`told`: that is left out), and
 * nothing that was acknowledged is gone. Returns the latest sequence.
 */
export async function assertWhole(
  workspace: Workspace,
  target: { client_id: string; profile_id: string },
  acknowledged: readonly Acknowledged[],
  depth: 'all' | 'told' = 'all',
): Promise<number> {
  return onHome(workspace, async ({ store, services }) => {
    if (depth === 'all') expect((await services.inspectStore()).problems).toEqual([]);
    for (const told of acknowledged) {
      const row = await store.releases.bySequence('default', told.client_id, told.profile_id, told.sequence);
      expect(row?.artifact_id, `release ${told.sequence} was acknowledged`).toBe(told.artifact_id);
    }
    const latest = await store.releases.latest('default', target.client_id, target.profile_id);
    return latest?.sequence ?? 0;
  });
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
