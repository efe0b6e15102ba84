import { rmSync } from 'node:fs';
import { afterAll, beforeAll, it } from 'vitest';
import type { TestBuild } from '../support/test-build.ts';
import { bothBuilds, readWhileKilled } from './readers.ts';

/**
 * Somebody reads the client file every millisecond while processes that deploy and undo are killed at random moments. It
 * finds one of the two whole versions each time, and never no file.
 */
const ROUNDS = Math.max(12, Number(process.env['CRASH_ROUNDS'] ?? 0));

const builds: TestBuild[] = [];
beforeAll(async () => void builds.push(...(await bothBuilds())));
afterAll(() => {
  for (const { directory } of builds) rmSync(directory, { recursive: true, force: true });
});

it.each([
  ['by an exchange of names', 0],
  ['by a rename over the old one', 1],
] as const)(
  'a reader that polls every millisecond finds a whole JSON, TOML or YAML file while its writers, who replace it %s, are killed',
  async (how, which) => {
    const { kills, polls } = await readWhileKilled(builds[which] as TestBuild, Math.ceil(ROUNDS / 2), Math.random);
    process.stdout.write(`${how}: ${kills} kills, ${polls} polls, none of them torn or missing\n`);
  },
);
