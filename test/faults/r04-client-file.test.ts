import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { bothBuilds, FAMILIES, prepared, readWhileKilled, startDeployer } from '../crash/readers.ts';
import { BIN, run } from '../support/process.ts';
import type { TestBuild } from '../support/test-build.ts';
import { makeDisk, onCopy, onTopOf, reasonAgainstDisks } from './support/disk-image.ts';
import { type Effort, promise } from './support/promise.ts';

const CUT_WITHIN_MS = 60;
/** So many kills for each power cut, as the promise has it. */
const KILLS_PER_CUT = 5;

/** Power cuts under a process that deploys and undoes; each leaves one of the two whole files, and a ledger that knows. */
async function cutsOf(build: TestBuild, cuts: number, random: Effort['random']): Promise<number> {
  for (const [at, family] of FAMILIES.entries()) {
    const count = Math.floor(cuts / FAMILIES.length) + (at < cuts % FAMILIES.length ? 1 : 0);
    if (count === 0) continue;
    const disk = await makeDisk();
    const watched = await prepared(family, disk.workspace);
    const { child, ended, failures } = await startDeployer(build, watched);
    const file = relative(disk.workspace.home, watched.path);
    for (let cut = 0; cut < count; cut += 1) {
      await sleep(random() * CUT_WITHIN_MS);
      await disk.cut(child.pid ?? 0, async (copy) => {
        await onCopy(copy, async ({ home }) => {
          const found = readFileSync(join(home, file));
          expect(
            watched.versions.filter((version) => version.equals(found)),
            `${file} is torn`,
          ).toHaveLength(1);
        });
        const [command = '', ...args] = onTopOf(disk, copy, [process.execPath, BIN, 'get-deployed']);
        const looked = await run(command, [...args, '--client', family.client_id, '--json'], {
          env: disk.workspace.env,
        });
        expect(JSON.parse(looked.stdout), looked.stderr).toMatchObject({ drift: false, changes: [] });
      });
    }
    child.kill('SIGKILL');
    await ended;
    expect(failures).toEqual([]);
  }
  return cuts;
}

promise(
  'R4',
  {
    promise: 'a client file is at every instant the whole old or the whole new one, through kills and power cuts',
    asked: '0 violations in 1,000 kills + 200 image copies; a reader that polls every 1 ms',
    rounds: { short: 30, long: 1000 },
  },
  async ({ rounds, random }) => {
    const builds = await bothBuilds();
    const [exchange, rename] = builds as [TestBuild, TestBuild];
    const first = await readWhileKilled(exchange, rounds / 2, random);
    const second = await readWhileKilled(rename, rounds / 2, random);
    const against = reasonAgainstDisks();
    if (against !== undefined) process.stderr.write(`R4: no power cuts: ${against}\n`);
    const each = Math.ceil(rounds / KILLS_PER_CUT / 2);
    const cuts = against ? 0 : (await cutsOf(exchange, each, random)) + (await cutsOf(rename, each, random));
    for (const { directory } of builds) rmSync(directory, { recursive: true, force: true });
    return `${first.kills + second.kills} kills, ${first.polls + second.polls} looks, ${cuts} power cuts: 0 torn, 0 missing`;
  },
);
