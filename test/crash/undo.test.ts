import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/process.ts';
import { makeTestBuild, type TestBuild } from '../support/test-build.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { call, query, temporaryFiles } from './invariants.ts';
import { REMOVAL, undoPoints, unfinished, WAITS_IN_VAIN } from './points.ts';

/** An undo that dies on the way: the next command finds file and ledger in agreement, before or after it. */

const target = { client_id: 'cursor' };
const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });
const OWN = '{\n  "mcpServers": { "own": { "command": "mine", "n": 1.0 } }\n}\n';

let build: TestBuild;
beforeAll(async () => {
  build = await makeTestBuild();
}, 60_000);
afterAll(() => rmSync(build.directory, { recursive: true, force: true }));

const fileOf = ({ home }: Workspace) => join(home, '.cursor/mcp.json');
const textOf = (workspace: Workspace) =>
  existsSync(fileOf(workspace)) ? readFileSync(fileOf(workspace), 'utf8') : null;

/** The undo of the test build. */
const undoWith = ({ env, home }: Workspace, failpoints: string) =>
  run(process.execPath, [build.bin, 'undo-deployment', '--client', 'cursor', '--json'], {
    env: { ...env, MCP_ORCHESTRATION_FAILPOINTS: failpoints },
    cwd: home,
  });

async function killedUndo(workspace: Workspace, point: string): Promise<void> {
  expect(await undoWith(workspace, `${point}=kill`)).toMatchObject({ signal: 'SIGKILL', stdout: '' });
}

/** An undo in which these are never done. What can be done without them is; then the process has nothing left to do. */
async function undoWithout(workspace: Workspace, points: readonly string[]): Promise<void> {
  const ended = await undoWith(workspace, points.map((point) => `${point}=hold`).join(','));
  expect(ended).toMatchObject({ code: WAITS_IN_VAIN, stdout: '' });
}

const statuses = (workspace: Workspace) =>
  query(workspace, 'select status from deployments order by number').map(({ status }) => status);

/** Two deployments, the second of which is to be undone; gives the file before and after the second. */
async function twice(workspace: Workspace, original: string): Promise<{ first: string | null; second: string | null }> {
  mkdirSync(dirname(fileOf(workspace)), { recursive: true });
  writeFileSync(fileOf(workspace), original);
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: payload('one') });
  await call(workspace, 'deploy_config', target);
  const first = textOf(workspace);
  await call(workspace, 'publish_config', { ...target, payload: payload('two') });
  await call(workspace, 'deploy_config', target);
  return { first, second: textOf(workspace) };
}

/** Struck at one of these, the earlier file is in place already. */
const ARRIVED = [
  'file.after-exchange',
  'file.after-rename',
  'undo.after-write',
  'undo.before-commit',
  'undo.after-commit',
];
const POINTS = undoPoints()
  .filter((point) => !REMOVAL.includes(point))
  .map((point) => [point, ARRIVED.includes(point) ? 'after' : 'before'] as const);

describe('an undo that is killed', () => {
  it('is struck at every step that has a name', () => {
    expect(undoPoints()).toEqual(expect.arrayContaining([...REMOVAL, ...ARRIVED]));
    expect(POINTS).toHaveLength(18);
  });

  it.each(POINTS)('at %s leaves everything as %s it', async (point, when) => {
    const workspace = await testWorkspace();
    const { first, second } = await twice(workspace, OWN);
    await killedUndo(workspace, point);
    expect(textOf(workspace)).toBe(when === 'before' ? second : first);
    const deployed = await call(workspace, 'get_deployed', target);
    expect(deployed).toMatchObject({ sequence: when === 'before' ? 2 : 1, drift: false, changes: [] });
    expect(statuses(workspace)).not.toContain('intent');
    expect(await call(workspace, 'drift_status')).toMatchObject({ drift_count: 0 });
    await call(workspace, 'undo_deployment', target);
    expect(textOf(workspace)).toBe(when === 'before' ? first : OWN);
    expect(temporaryFiles(workspace.home)).toEqual([]);
  });

  it.each(unfinished('undo').map((points) => [points.join(' and '), points] as const))(
    'before %s leaves everything as before it',
    async (_names, points) => {
      const workspace = await testWorkspace();
      const { first, second } = await twice(workspace, OWN);
      await undoWithout(workspace, points);
      expect(textOf(workspace)).toBe(second);
      expect(await call(workspace, 'get_deployed', target)).toMatchObject({ sequence: 2, drift: false, changes: [] });
      expect(statuses(workspace)).not.toContain('intent');
      await call(workspace, 'undo_deployment', target);
      expect(textOf(workspace)).toBe(first);
      expect(temporaryFiles(workspace.home)).toEqual([]);
    },
  );

  it.each([['backup.before-fsync'], ['undo.before-intent'], ['backup.before-fsync', 'undo.before-intent']])(
    'before %s while it takes the whole file away leaves the file',
    async (...points) => {
      const workspace = await testWorkspace();
      await call(workspace, 'initialize_keys');
      await call(workspace, 'publish_config', { ...target, payload: payload('one') });
      await call(workspace, 'deploy_config', target);
      await undoWithout(workspace, points);
      expect(existsSync(fileOf(workspace))).toBe(true);
      expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false });
      expect(statuses(workspace)).not.toContain('intent');
      await call(workspace, 'undo_deployment', target);
      expect(existsSync(fileOf(workspace))).toBe(false);
    },
  );

  it.each(['undo.after-write', 'undo.before-commit', 'file.after-rename'])(
    'at %s and asked for again is finished, and does not take back one more',
    async (point) => {
      const workspace = await testWorkspace();
      const { first } = await twice(workspace, OWN);
      await killedUndo(workspace, point);
      const history = await call(workspace, 'deployment_history', target);
      const [newest] = history['deployments'] as { deployment_id: string }[];
      expect(await call(workspace, 'undo_deployment', target)).toMatchObject({
        deployment_id: newest?.deployment_id,
        changes: { added: [], updated: [], removed: [] },
      });
      expect(textOf(workspace)).toBe(first);
      expect(statuses(workspace)).toEqual(['done', 'undone', 'closed']);
      const settled = query(workspace, "select facts from audit where operation = 'deployments.settle'");
      expect(settled.map(({ facts }) => JSON.parse(String(facts)))).toMatchObject([
        { status: 'undone', deployment_id: newest?.deployment_id },
      ]);
    },
  );

  it.each([
    ['undo.after-intent', true],
    ['file.before-remove', true],
    ['file.after-set-aside', false],
    ['file.after-rename', false],
    ['undo.after-write', false],
    ['undo.before-commit', false],
  ] as const)('at %s while it takes the whole file away: there is %s', async (point, there) => {
    const workspace = await testWorkspace();
    await call(workspace, 'initialize_keys');
    await call(workspace, 'publish_config', { ...target, payload: payload('one') });
    await call(workspace, 'deploy_config', target);
    await killedUndo(workspace, point);
    expect(existsSync(fileOf(workspace))).toBe(there);
    const deployed = call(workspace, 'get_deployed', target);
    if (there) expect(await deployed).toMatchObject({ drift: false });
    else await expect(deployed).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
    expect(statuses(workspace)).toEqual(there ? ['done', 'abandoned'] : ['undone', 'closed']);
  });

  it.each([
    ['undo.after-intent', ['done', 'done', 'abandoned']],
    ['undo.after-write', ['done', 'undone', 'closed']],
  ])('at %s, and somebody else goes on editing: it is still judged by our entries', async (point, expected) => {
    const workspace = await testWorkspace();
    await twice(workspace, OWN);
    await killedUndo(workspace, point);
    writeFileSync(fileOf(workspace), (textOf(workspace) ?? '').replace('"mine"', '"mine too"'));
    expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false });
    expect(statuses(workspace)).toEqual(expected);
  });
});
