import { mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { AppError } from '../../src/core/errors.ts';
import { enableFailpoints } from '../../src/io/failpoint.ts';
import { temporaryBeside } from '../../src/io/temporary.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { call, query, temporaryFiles } from './invariants.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const payloadOf = (word: string) => ({ mcpServers: { counter: { command: 'node', args: [word] } } });

afterEach(() => enableFailpoints(''));

/** A home where `old` is deployed beside an entry of somebody else, and the deployment of `new` stopped at a step. */
async function stopped(point: string, left = 'intent') {
  const workspace = await testWorkspace();
  const file = join(workspace.home, '.cursor/mcp.json');
  let failure: AppError | undefined;
  mkdirSync(dirname(file));
  writeFileSync(file, '{"mcpServers": {"own": {"command": "mine"}}}\n');
  await call(workspace, 'initialize_keys');
  for (const word of ['old', 'new']) {
    await call(workspace, 'publish_config', { ...target, payload: payloadOf(word) });
    enableFailpoints(word === 'old' ? '' : `${point}=throw`);
    await call(workspace, 'deploy_config', target).catch((error) => {
      failure = error;
    });
  }
  enableFailpoints('');
  expect(statuses(workspace)).toEqual(['done', left]);
  return { workspace, file, failure };
}

const statuses = (workspace: Workspace) =>
  query(workspace, 'select status from deployments order by number').map(({ status }) => status);
const replaceIn = (file: string, from: string, to: string) =>
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));

it('a copy of which nobody knows whether it outlives a power cut gives the deployment up, and says that nothing is in place', async () => {
  const { file, failure } = await stopped('backup.after-rename', 'abandoned');
  expect(failure).toMatchObject({ code: 'WRITE_FAILED', details: { step: 'backup' } });
  expect(failure?.details).not.toHaveProperty('replaced');
  expect(readFileSync(file, 'utf8')).toContain('"old"');
});

it('what a killed writer left goes with the next one, also when that has nothing to write', async () => {
  const { workspace, file } = await stopped('deploy.after-write');
  await call(workspace, 'deploy_config', target);
  const dead = 2 ** 22;
  for (const directory of [dirname(file), join(workspace.data_dir, 'backups')]) {
    writeFileSync(temporaryBeside(directory, 'mcp.json').replace(`-${process.pid}-`, `-${dead}-`), 'half');
  }
  expect(temporaryFiles(workspace.home)).toHaveLength(2);
  expect(await call(workspace, 'deploy_config', target)).toMatchObject({ status: 'unchanged' });
  expect(temporaryFiles(workspace.home)).toEqual([]);
});

it('a file that others went on editing since counts as deployed when our entries arrived', async () => {
  const { workspace, file } = await stopped('deploy.after-write');
  replaceIn(file, '"mine"', '"mine too"');
  const seen = await call(workspace, 'get_deployed', target);
  expect(seen).toMatchObject({ sequence: 2, drift: false, changes: [], up_to_date: true });
  expect(statuses(workspace)).toEqual(['done', 'done']);
  const settled = query(workspace, "select facts from audit where operation = 'deployments.settle'");
  expect(settled.map(({ facts }) => JSON.parse(String(facts)).sequence)).toEqual([2]);
});

it('a file that somebody edited before ours arrived keeps the old deployment', async () => {
  const { workspace, file } = await stopped('deploy.after-intent');
  replaceIn(file, '"mine"', '"mine too"');
  expect(await call(workspace, 'get_deployed', target)).toMatchObject({ sequence: 1, drift: false, up_to_date: false });
  expect(statuses(workspace)).toEqual(['done', 'abandoned']);
});

it('an entry of ours that somebody changed after it arrived is drift, and theirs to keep or lose', async () => {
  const { workspace, file } = await stopped('deploy.after-write');
  replaceIn(file, '"new"', '"edited"');
  expect(await call(workspace, 'get_deployed', target)).toMatchObject({
    drift: true,
    changes: [{ server: 'counter', kind: 'changed' }],
  });
  await expect(call(workspace, 'deploy_config', target)).rejects.toMatchObject({ code: 'DRIFT_DETECTED' });
  expect(await call(workspace, 'deploy_config', { ...target, on_drift: 'overwrite' })).toMatchObject({
    status: 'deployed',
    sequence: 2,
  });
});

it.each([
  ['is gone', (file: string) => unlinkSync(file), 'file_gone'],
  ['cannot be read', (file: string) => writeFileSync(file, '{"mcpServers": {'), 'unparsable'],
])('a file that %s afterwards is reported as that, and the intent is given up', async (_what, spoil, kind) => {
  const { workspace, file } = await stopped('deploy.after-write');
  spoil(file);
  expect(await call(workspace, 'get_deployed', target)).toMatchObject({
    drift: true,
    changes: [{ server: null, kind }],
  });
  expect(statuses(workspace)).toEqual(['done', 'abandoned']);
});

it('a failure of the disk before the file is replaced gives the intent up at once', async () => {
  const { workspace, file } = await stopped('deploy.after-write');
  await call(workspace, 'get_deployed', target);
  await call(workspace, 'publish_config', { ...target, payload: payloadOf('third') });
  enableFailpoints('file.before-rename=throw');
  await expect(call(workspace, 'deploy_config', target)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  expect(statuses(workspace)).toEqual(['done', 'done', 'abandoned']);
  expect(readFileSync(file, 'utf8')).toContain('"new"');
});
