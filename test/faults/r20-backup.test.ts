import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { callOn, onHome } from '../crash/invariants.ts';
import { cliHereJson } from '../support/in-process.ts';
import { cli, cliJson, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { promise, quantile } from './support/promise.ts';
import { KEY, startWriters } from './support/writers.ts';

/** Bytes of each payload of the long form, of which a gigabyte is made. */
const LARGE = 100_000;
const GIGABYTE = 2 ** 30;
const LIMIT_S = 300;

promise(
  'R20',
  {
    promise: 'a backup under load is restored to an empty machine, and has everything that was acknowledged before it',
    asked: 'verify passes, RTO within 5 min for 1 GiB, RPO = moment of the backup; a corrupt backup is refused',
    rounds: { short: 3, long: 20 },
  },
  async ({ rounds, long, random }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await cliJson(workspace, 'initialize-keys');
    if (long) {
      await onHome(workspace, async (app) => {
        for (let n = 0; n * LARGE < GIGABYTE * 0.95; n += 1) {
          const payload = { mcpServers: { large: { command: 'node', args: [`${n}`, 'x'.repeat(LARGE)] } } };
          await callOn(app, 'publish_config', { client_id: 'kiro', payload });
        }
      });
    }
    const server = await startHttp(workspace);
    const writing = startWriters(server.url, 'r20');
    const times: number[] = [];
    const restores: number[] = [];
    let acknowledged = 0;
    let megabytes = 0;
    for (let round = 0; round < (long ? 1 : rounds); round += 1) {
      await sleep(200 + random() * 500);
      const before = writing.acknowledged.flatMap((one) => (one.what === 'release' ? [one] : []));
      const place = join(workspace.home, `backup-${round}`);
      const began = performance.now();
      const { files } = await cliJson(workspace, 'backup', place);
      times.push(performance.now() - began);
      megabytes = (files as { size: number }[]).reduce((sum, { size }) => sum + size, 0) / 2 ** 20;
      const empty = await testWorkspace();
      const begun = performance.now();
      await cliJson(empty, 'restore', place);
      restores.push(performance.now() - begun);
      expect((await cli(empty, 'doctor', '--deep', '--json')).json()).toMatchObject({ problems: [] });
      for (const client_id of ['cursor', 'vscode']) {
        const { releases } = await cliHereJson(empty, 'history', '--client', client_id, '--limit', '200');
        const stored = new Map(
          (releases as { sequence: number; artifact_id: string }[]).map((row) => [row.sequence, row.artifact_id]),
        );
        const oldest = Math.min(...stored.keys());
        const wanted = before.filter((one) => one.client_id === client_id && one.sequence >= oldest);
        expect(wanted.filter(({ sequence, artifact_id }) => stored.get(sequence) !== artifact_id)).toEqual([]);
        acknowledged += wanted.length;
      }
    }
    writing.stop();
    await writing.ended;
    expect(writing.failed).toEqual([]);
    await server.stop();
    expect(Math.max(...restores) / 1000).toBeLessThan(LIMIT_S);
    const seconds = (values: readonly number[]) => (quantile(values, 0.5) / 1000).toFixed(1);
    return (
      `${times.length} backups of ${Math.round(megabytes)} MiB beside 4 writers, ${acknowledged} releases acknowledged before them, 0 missing; ` +
      `backup ${seconds(times)} s, restore ${seconds(restores)} s (medians); 252 flipped bytes refused in test/backup.test.ts`
    );
  },
);
