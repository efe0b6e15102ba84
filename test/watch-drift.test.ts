import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { call } from './crash/invariants.ts';
import { cliHere } from './support/in-process.ts';
import { type LineProcess, startLines } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** Whoever changes a deployed file is seen while it happens: real files, a real process. */

const DRIFTED = '{"mcpServers": {"ours": {"command": "node", "args": ["other"]}}}';
let workspace: Workspace;
let file: string;
let original: string;
beforeEach(async () => {
  workspace = await testWorkspace();
  file = join(workspace.home, '.cursor/mcp.json');
  await call(workspace, 'initialize_keys');
  const payload = { mcpServers: { ours: { command: 'node', args: ['one'] } } };
  await call(workspace, 'publish_config', { client_id: 'cursor', payload });
  await call(workspace, 'deploy_config', { client_id: 'cursor' });
  original = readFileSync(file, 'utf8');
});

interface Told {
  drift_count: number;
  deployments: { changes: { server: string | null; kind: string }[] }[];
  healed: { status: string }[];
}
const kindsIn = ({ deployments }: Told) => deployments.flatMap(({ changes }) => changes.map(({ kind }) => kind));

/** `watch --json`, with what it tells as it comes. */
async function watching(...args: string[]): Promise<LineProcess & { told(): Promise<Told> }> {
  const watch = startLines(workspace, ['watch', '--json', ...args]);
  let read = 0;
  const told = async () => {
    while (watch.lines.length <= read) await watch.line();
    read += 1;
    return JSON.parse(watch.lines[read - 1] ?? '') as Told;
  };
  expect(kindsIn(await told())).toEqual([]);
  return { ...watch, told };
}
async function until(what: () => boolean): Promise<void> {
  for (let round = 0; !what(); round += 1) {
    if (round > 1500) throw new Error('it did not come within half a minute');
    await sleep(20);
  }
}

it('drift is told as it happens: a file that is written, replaced, removed, and back again', {
  timeout: 60_000,
}, async () => {
  const watch = await watching('--client', 'cursor');
  writeFileSync(file, DRIFTED);
  expect(kindsIn(await watch.told())).toEqual(['changed']);
  writeFileSync(`${file}.new`, '{"mcpServers": {}}');
  renameSync(`${file}.new`, file);
  expect(kindsIn(await watch.told())).toEqual(['missing']);
  rmSync(file);
  expect(kindsIn(await watch.told())).toEqual(['file_gone']);
  writeFileSync(file, original);
  expect(await watch.told()).toMatchObject({ drift_count: 0 });
  watch.child.kill('SIGTERM');
  expect(await watch.ended).toEqual([0, null]);
  const { changes } = await call(workspace, 'list_changes');
  const kinds = (changes as { type: string; data: { changes?: string } }[])
    .filter(({ type }) => type === 'config.drift_detected')
    .map(({ data }) => data.changes);
  expect(kinds).toEqual(['ours: changed', 'ours: missing', 'file: file_gone']);
});

it('a directory that goes and comes back is followed', { timeout: 60_000 }, async () => {
  const watch = await watching();
  rmSync(join(workspace.home, '.cursor'), { recursive: true });
  expect(kindsIn(await watch.told())).toEqual(['file_gone']);
  mkdirSync(join(workspace.home, '.cursor'));
  await sleep(500);
  writeFileSync(file, DRIFTED);
  expect(kindsIn(await watch.told())).toEqual(['changed']);
  writeFileSync(file, original);
  expect(kindsIn(await watch.told())).toEqual([]);
});

it('a person reads one line on stderr for each file, and nothing on stdout', { timeout: 60_000 }, async () => {
  const watch = startLines(workspace, ['watch']);
  await until(() => watch.output.stderr.includes('No drift in 1 deployment.'));
  writeFileSync(file, DRIFTED);
  await until(() => watch.output.stderr.includes(`drift cursor/default ${file}: ours: changed (`));
  watch.child.kill('SIGINT');
  expect(await watch.ended).toEqual([0, null]);
  expect(watch.lines).toEqual([]);
});

it('with --heal our entries are put back, and after three times it is left alone and said', {
  timeout: 60_000,
}, async () => {
  const watch = await watching('--heal');
  for (let round = 0; round < 3; round += 1) {
    writeFileSync(file, DRIFTED);
    expect(await watch.told()).toMatchObject({ drift_count: 0, healed: [{ status: 'put_back' }] });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(original));
    expect(await watch.told()).toMatchObject({ drift_count: 0, healed: [] });
  }
  writeFileSync(file, DRIFTED);
  expect(await watch.told()).toMatchObject({
    drift_count: 1,
    healed: [{ status: 'held_back', detail: expect.stringContaining('3 times within ten minutes') }],
  });
  await sleep(1000);
  expect(readFileSync(file, 'utf8')).toBe(DRIFTED);
});

it('a release that is in many files is held back in each of them after three times', async () => {
  rmSync(join(workspace.home, '.cursor'), { recursive: true });
  const files: string[] = [];
  for (let number = 0; number < 8; number += 1) {
    const project = join(workspace.home, `project-${number}`);
    mkdirSync(project);
    await call(workspace, 'deploy_config', { client_id: 'cursor', config_scope: 'project', project });
    files.push(join(project, '.cursor/mcp.json'));
  }
  for (let round = 1; round <= 4; round += 1) {
    for (const name of files) writeFileSync(name, DRIFTED);
    const { healed } = (await cliHere(workspace, 'watch', '--once', '--heal', '--json')).json() as unknown as {
      healed: { config_path: string; status: string }[];
    };
    const here = healed.filter(({ config_path }) => files.includes(config_path));
    expect(here.map(({ status }) => status)).toEqual(files.map(() => (round < 4 ? 'put_back' : 'held_back')));
  }
});

it('a project directory that is gone is not made anew', async () => {
  const project = join(workspace.home, 'project');
  mkdirSync(project);
  await call(workspace, 'deploy_config', { client_id: 'cursor', config_scope: 'project', project });
  rmSync(project, { recursive: true });
  expect((await cliHere(workspace, 'watch', '--once', '--heal', '--json')).json()).toMatchObject({
    drift_count: 1,
    healed: [{ status: 'failed', detail: 'its project directory is not there' }],
  });
  expect(existsSync(project)).toBe(false);
});

it('nothing is put back unasked, and what is no entry of ours is left to people', { timeout: 60_000 }, async () => {
  writeFileSync(file, '{"mcpServers": {');
  const { stdout } = await cliHere(workspace, 'watch', '--once', '--heal', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ drift_count: 1, healed: [] });
  writeFileSync(file, DRIFTED);
  expect((await cliHere(workspace, 'watch', '--once', '--json')).json()).toMatchObject({ drift_count: 1, healed: [] });
  expect(readFileSync(file, 'utf8')).toBe(DRIFTED);
});

it('what comes back is the release that was deployed, not a newer one', { timeout: 60_000 }, async () => {
  const payload = { mcpServers: { ours: { command: 'node', args: ['newer'] } } };
  await call(workspace, 'publish_config', { client_id: 'cursor', payload });
  writeFileSync(file, DRIFTED);
  expect((await cliHere(workspace, 'watch', '--once', '--heal', '--json')).json()).toMatchObject({
    healed: [{ status: 'put_back' }],
  });
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(original));
});

it('a program that rewrites a file again and again is told once', { timeout: 60_000 }, async () => {
  const watch = await watching();
  for (let round = 0; !watch.output.stderr.includes('again and again'); round += 1) {
    writeFileSync(file, `${original}${' '.repeat(round)}`);
    await sleep(200);
  }
  expect(watch.output.stderr).toContain(`${file} is rewritten again and again (10 times within a minute)`);
  for (let round = 0; round < 3; round += 1) {
    writeFileSync(file, `${original}${'\n'.repeat(round)}`);
    await sleep(300);
  }
  expect(watch.output.stderr.match(/again and again/g)).toHaveLength(1);
});

it('a look at once ends with 7 when there is drift and that was asked', async () => {
  expect((await cliHere(workspace, 'watch', '--once', '--check')).code).toBe(0);
  writeFileSync(file, DRIFTED);
  expect((await cliHere(workspace, 'watch', '--once')).code).toBe(0);
  const checked = await cliHere(workspace, 'watch', '--once', '--check');
  expect([checked.code, checked.stdout]).toEqual([7, '']);
  expect(checked.stderr).toContain('ours: changed');
});

it('a client that does not exist ends it at once', async () => {
  const { code, stderr } = await cliHere(workspace, 'watch', '--client', 'cursr');
  expect(code).toBe(4);
  expect(stderr).toContain('CLIENT_NOT_FOUND');
});
