import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { assertWhole, call } from '../crash/invariants.ts';
import { startHttp } from '../support/process.ts';
import { makeDisk, onCopy, reasonAgainstDisks } from './support/disk-image.ts';
import { cannot, type Effort, promise } from './support/promise.ts';
import { faultsOf } from './support/store-faults.ts';
import { KEY, lostOf, startWriters } from './support/writers.ts';

/** A cut comes at a random moment of so many milliseconds. */
const CUT_WITHIN_MS = 400;
/** So that a disk does not get full. */
const CUTS_OF_ONE_DISK = 25;

/** Cuts of one disk, under a server that goes on writing. */
async function cutOneDisk(cuts: number, { random }: Effort, all: { cuts: number; acknowledged: number }) {
  const disk = await makeDisk();
  disk.workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
  await call(disk.workspace, 'initialize_keys');
  const server = await startHttp(disk.workspace);
  const writing = startWriters(server.url, 'cut');
  for (let cut = 0; cut < cuts; cut += 1) {
    await sleep(random() * CUT_WITHIN_MS);
    const cutting = disk.cut(server.pid, async (copy) => {
      await onCopy(copy, async (workspace) => {
        workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
        const restarted = await startHttp(workspace);
        expect(await restarted.ask('GET', '/readyz', { token: null })).toMatchObject({ status: 200 });
        expect(await restarted.stop()).toEqual({ code: 0, signal: null });
        expect(lostOf(workspace, told), `cut ${cut}`).toEqual([]);
        expect(faultsOf(join(workspace.data_dir, 'state.db')), `cut ${cut}`).toEqual([]);
        await assertWhole(workspace, { client_id: 'cursor', profile_id: 'default' }, []);
      });
    });
    // The server is held by now: what is acknowledged from here on counts for the next cut.
    const told = [...writing.acknowledged];
    await cutting;
    all.cuts += 1;
  }
  all.acknowledged += writing.acknowledged.length;
  writing.stop();
  await writing.ended;
  expect(writing.failed).toEqual([]);
  await server.stop();
}

const against = reasonAgainstDisks();
if (against !== undefined) cannot('R2', against);
else
  promise(
    'R2',
    {
      promise: 'nothing that was acknowledged is lost by a power cut, and no half state is left (R3)',
      asked: '0 in 200',
      rounds: { short: 12, long: 200 },
    },
    async (effort) => {
      const all = { cuts: 0, acknowledged: 0 };
      for (let left = effort.rounds; left > 0; left -= CUTS_OF_ONE_DISK)
        await cutOneDisk(Math.min(left, CUTS_OF_ONE_DISK), effort, all);
      expect(all.acknowledged).toBeGreaterThan(all.cuts);
      return `${all.cuts} power cuts, ${all.acknowledged} acknowledged writes, 0 acknowledged writes lost, 0 mismatches`;
    },
  );
