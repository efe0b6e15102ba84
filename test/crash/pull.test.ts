import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cliHere, cliHereJson } from '../support/in-process.ts';
import { run } from '../support/process.ts';
import { type Offer, publisher, puller, wayTo } from '../support/pulling.ts';
import { makeTestBuild, type TestBuild } from '../support/test-build.ts';
import { isUndamaged, temporaryFiles } from './invariants.ts';

/** A machine that pulls is killed between what it accepts and what it writes. */

const TARGET = ['--client', 'cursor'];

let build: TestBuild;
beforeAll(async () => {
  build = await makeTestBuild();
});
afterAll(() => rmSync(build.directory, { recursive: true, force: true }));

it.each([
  ['pull.before-commit', { accepted: 1, written: 'one' }],
  ['pull.after-commit', { accepted: 2, written: 'one' }],
  ['deploy.after-intent', { accepted: 2, written: 'one' }],
  ['file.before-rename', { accepted: 2, written: 'one' }],
  ['deploy.after-write', { accepted: 2, written: 'two' }],
  ['deploy.before-commit', { accepted: 2, written: 'two' }],
] as const)('pull killed at %s: what was accepted stays accepted, and the next pull ends it', async (point, left) => {
  const server = await publisher();
  await server.publish('one');
  const way = await wayTo(server.url);
  const machine = await puller(way.url, await server.token(['config:read']));
  await cliHereJson(machine, 'trust-key', server.public_key);
  let first: Offer | undefined;
  way.becomes((offer) => {
    first ??= offer;
    return offer;
  });
  await cliHereJson(machine, 'pull', ...TARGET);
  await server.publish('two');
  const written = () =>
    JSON.parse(readFileSync(join(machine.home, '.cursor/mcp.json'), 'utf8')).mcpServers.ours.args[0];

  const env = { ...machine.env, MCP_ORCHESTRATION_FAILPOINTS: `${point}=kill` };
  const killed = await run(process.execPath, [build.bin, 'pull', ...TARGET, '--json'], { env, cwd: machine.home });
  expect(killed).toMatchObject({ signal: 'SIGKILL', stdout: '' });

  expect(written()).toBe(left.written);
  expect(await cliHereJson(machine, 'get-latest', ...TARGET)).toMatchObject({ sequence: left.accepted });
  expect(await cliHereJson(machine, 'get-deployed', ...TARGET)).toMatchObject({ drift: false, changes: [] });
  way.becomes(() => first);
  const older = (await cliHere(machine, 'pull', ...TARGET, '--json')).json();
  expect(older).toMatchObject(
    left.accepted === 2 ? { error: { code: 'SIGNATURE_INVALID', details: { reason: 'rollback' } } } : { sequence: 1 },
  );
  way.becomes((offer) => offer);
  const status = left.written === 'two' ? 'unchanged' : 'deployed';
  expect(await cliHereJson(machine, 'pull', ...TARGET)).toMatchObject({ status, sequence: 2 });
  expect([written(), isUndamaged(machine)]).toEqual(['two', true]);
  // Only a deployment that writes clears away what a killed one left.
  if (status === 'deployed') expect(temporaryFiles(machine.home)).toEqual([]);
});
