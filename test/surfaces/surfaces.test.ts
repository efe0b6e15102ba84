import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../src/operations/index.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { startRegistry } from '../support/registry.ts';
import { makeWorkspace } from '../support/workspace.ts';
import { normalised } from './compare.ts';
import {
  cliInProcess,
  cliProcess,
  mcpInProcess,
  mcpProcess,
  type OpenDoor,
  type Outcome,
  restInProcess,
  restProcess,
} from './drivers.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const byTool = new Map<string, Operation>(
  OPERATIONS.flatMap((operation) => (operation.mcp?.tool ? [[operation.mcp.tool, operation]] : [])),
);

const place = ({ title }: Scenario, at: number) => `${title} #${at}`;

/**
 * The steps that a process of its own is worth: the first success of each tool, where its code is loaded from the
 * bundle, and the first time of each error code, which becomes an exit code. What lies between has no part that the
 * door in this process does not have, and a scenario without any such step is played in this process alone.
 */
const FIRST = new Set(firstSteps());

/** The scenario that shows most of what is not shown yet comes next, so that few are played. */
function firstSteps(): string[] {
  const shown = new Map<string, string>();
  const news = (scenario: Scenario) =>
    scenario.steps.flatMap(({ tool, expect: code }, at) => {
      const what = code === 'ok' ? tool : code;
      return shown.has(what) ? [] : [[what, place(scenario, at)] as const];
    });
  const countOf = (scenario: Scenario) => new Map(news(scenario)).size;
  for (;;) {
    const [best] = SCENARIOS.toSorted((a, b) => countOf(b) - countOf(a));
    if (best === undefined || countOf(best) === 0) return [...shown.values()];
    for (const [what, where] of news(best).toReversed()) shown.set(what, where);
  }
}

/** Runs all steps through one door on an empty home, and gives what the caller saw. */
async function play(scenario: Scenario, open: OpenDoor): Promise<unknown[]> {
  const { steps } = scenario;
  const registry = scenario.registry && (await startRegistry(scenario.registry));
  const { home, env: own, remove } = await makeWorkspace();
  const seen: unknown[] = [];
  try {
    // Data in the way of the product is put there before the door opens, so that every door meets it.
    const env = { ...own, ...registry?.env, ...scenario.env };
    let door = steps[0]?.before ? undefined : await open(env);
    for (const [at, { tool, input = {}, before, expect: wanted, has = {} }] of steps.entries()) {
      const operation = byTool.get(tool);
      if (!operation) throw new Error(`no operation has the tool ${tool}`);
      if (before) {
        await before(home, env);
        // A commit of another program is seen by the next turn of the event loop.
        await setImmediate();
      }
      door ??= await open(env);
      const outcome = await door.call(operation, input, !FIRST.has(place(scenario, at)));
      const where = `${door.name}: ${tool} ${JSON.stringify(input).slice(0, 200)}`;
      expect(outcome.ok ? 'ok' : outcome.error['code'], `${where}\n${JSON.stringify(outcome).slice(0, 600)}`).toBe(
        wanted,
      );
      expect(outcome.ok ? outcome.output : outcome.error, where).toMatchObject(has);
      seen.push(shownOf(outcome, home));
    }
    await door?.close();
    return seen;
  } finally {
    registry?.close();
    await remove();
  }
}

/** A wrong shape is worded by the door that met it first (a flag that does not exist); its code is what counts. */
const shownOf = (outcome: Outcome, home: string) =>
  outcome.ok || outcome.error['code'] !== 'INVALID_INPUT' ? normalised(outcome, home) : { code: 'INVALID_INPUT' };

describe.each(SCENARIOS.map((scenario) => [scenario.title, scenario] as const))('%s', (_title, scenario) => {
  it('through CLI, MCP and REST with the same outputs and codes', async () => {
    const cli = await play(scenario, cliInProcess);
    expect(await play(scenario, mcpInProcess)).toEqual(cli);
    expect(await play(scenario, restInProcess)).toEqual(cli);
  });

  if (!scenario.steps.some((_, at) => FIRST.has(place(scenario, at)))) return;
  it('through real processes with the same outputs and codes', async () => {
    // Both servers load the same bundle: in turn, one of them.
    const [cli, served] = await Promise.all([
      play(scenario, cliProcess),
      play(scenario, SCENARIOS.indexOf(scenario) % 2 === 0 ? mcpProcess : restProcess),
    ]);
    expect(served).toEqual(cli);
  });
});

describe('the scenarios', () => {
  const met = new Set(SCENARIOS.flatMap(({ steps }) => steps.map(({ tool, expect: code }) => `${tool} ${code}`)));
  /** Needs a second machine: test/pull.test.ts. */
  for (const tool of ['link_profile', 'unlink_profile']) met.add(`${tool} PROFILE_LINKED`);

  it.each([...byTool].map(([tool, operation]) => [tool, operation] as const))(
    'meet the success and every error of %s',
    (tool, operation) => {
      const missing = ['ok', ...operation.errors].filter((code) => !met.has(`${tool} ${code}`));
      expect(missing).toEqual([]);
    },
  );
});
