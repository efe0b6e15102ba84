import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { call, query, temporaryFiles } from '../crash/invariants.ts';
import {
  FILE,
  fillDisk,
  placesOf,
  prepared,
  STRUCK,
  sampleOf,
  snapshotOf,
  strikeAll,
  target,
  textOf,
  traced,
} from '../crash/strikes.ts';
import { BIN, cli, run, startHttp } from '../support/process.ts';
import { hasStrace } from '../support/strace.ts';
import type { Workspace } from '../support/workspace.ts';
import { promise } from './support/promise.ts';
import { faultsOf } from './support/store-faults.ts';
import { KEY } from './support/writers.ts';

const DEPLOY = ['deploy-config', '--client', 'vscode'];
const isRoot = process.getuid?.() === 0;

/** Refuses calls of a publication, one in each run: what was acknowledged is there, and what is there is whole. */
async function strikePublish(most: number, seed: number): Promise<number> {
  const verb = [
    'publish-config',
    '--client',
    'vscode',
    '--payload',
    '{"mcpServers":{"x":{"command":"node","args":["z"]}}}',
  ];
  const workspace = await prepared();
  const restore = await snapshotOf(workspace);
  const places = await placesOf(workspace, verb);
  const faults = sampleOf(places, seed, most);
  for (const { place, error } of faults) {
    restore();
    const inject = `inject=${place.name}:error=${error}:when=${place.nth}`;
    const args = ['-o', join(workspace.home, 'strace.txt'), '-e', `trace=${place.name}`, '-e', inject];
    const { code, stdout, stderr, signal } = await traced(workspace, verb, args);
    const releases = () => Number(query(workspace, 'select count(*) as n from releases')[0]?.['n']);
    if (code === 0) expect(releases(), `${inject}: it said that it worked`).toBe(3);
    else if (signal === null && stdout !== '')
      expect(JSON.parse(stdout).error.code, `${inject}: ${stderr}`).toMatch(
        /^(WRITE_FAILED|UNAVAILABLE|INTERNAL_ERROR)$/,
      );
    expect(faultsOf(join(workspace.data_dir, 'state.db')), inject).toEqual([]);
    await call(workspace, 'publish_config', { ...target, payload: { mcpServers: {} }, allow_empty: true });
    expect(faultsOf(join(workspace.data_dir, 'state.db')), inject).toEqual([]);
  }
  return faults.length;
}

/** The command is refused for that reason, the old file stays whole, and nothing is left; without the obstacle it works. */
async function expectRefused(workspace: Workspace, before: string | null, reason: string, as: string[] = []) {
  const [command = process.execPath, ...args] = [...as, process.execPath, BIN, ...DEPLOY, '--json'];
  const refused = await run(command, args, { env: workspace.env, cwd: workspace.home });
  expect(JSON.parse(refused.stdout).error, refused.stderr).toMatchObject({ code: 'WRITE_FAILED', details: { reason } });
  expect(textOf(workspace)).toBe(before);
  expect(temporaryFiles(workspace.home)).toEqual([]);
}

async function immutableFile(): Promise<void> {
  const workspace = await prepared();
  const file = join(workspace.home, FILE);
  const before = textOf(workspace);
  execFileSync('chattr', ['+i', file]);
  try {
    await expectRefused(workspace, before, 'EPERM');
  } finally {
    execFileSync('chattr', ['-i', file]);
  }
  expect((await cli(workspace, ...DEPLOY, '--json')).json()).toMatchObject({ status: 'deployed' });
}

/** Somebody who is not root, in a directory that takes no new files. */
async function notRoot(): Promise<void> {
  const NOBODY = 65_534;
  const workspace = await prepared();
  const all = readdirSync(workspace.home, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(workspace.home, name),
  );
  for (const name of [workspace.home, ...all]) chownSync(name, NOBODY, NOBODY);
  const before = textOf(workspace);
  delete workspace.env['NODE_COMPILE_CACHE'];
  const as = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  chmodSync(dirname(join(workspace.home, FILE)), 0o500);
  await expectRefused(workspace, before, 'EACCES', as);
  chmodSync(dirname(join(workspace.home, FILE)), 0o700);
  const [command = '', ...args] = [...as, process.execPath, BIN, ...DEPLOY, '--json'];
  const done = await run(command, args, { env: workspace.env, cwd: workspace.home });
  expect(JSON.parse(done.stdout), done.stderr).toMatchObject({ status: 'deployed' });
}

/** A command with ever fewer files that it may open: it works, or it says that it did not, and tears nothing. */
async function fewFiles(): Promise<number> {
  const workspace = await prepared();
  const restore = await snapshotOf(workspace);
  const before = textOf(workspace);
  await cli(workspace, ...DEPLOY);
  const after = textOf(workspace);
  let refused = 0;
  for (let limit = 20; limit <= 40; limit += 2) {
    restore();
    const args = [`--nofile=${limit}:${limit}`, process.execPath, BIN, ...DEPLOY, '--json'];
    const finished = await run('prlimit', args, { env: workspace.env, cwd: workspace.home });
    refused += finished.code === 0 ? 0 : 1;
    expect(textOf(workspace), `${limit} files: ${finished.stdout}`).toBe(finished.code === 0 ? after : before);
    expect(await call(workspace, 'get_deployed', target)).toMatchObject({ drift: false });
  }
  expect(refused).toBeGreaterThan(0);
  return refused;
}

/** More connections than a server has files for: it goes on, and answers as soon as some of them are gone. */
async function fewSockets(): Promise<void> {
  const workspace = await prepared();
  const server = await startHttp(workspace, { env: { MCP_ORCHESTRATION_API_KEY: KEY } });
  execFileSync('prlimit', ['--pid', String(server.pid), '--nofile=64:64']);
  const { hostname, port } = new URL(server.url);
  const sockets = Array.from({ length: 200 }, () => connect({ host: hostname, port: Number(port) }));
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  for (const socket of sockets) socket.on('error', () => undefined);
  await sleep(500);
  expect(readdirSync(`/proc/${server.pid}/fd`).length, 'all files are in use').toBeGreaterThan(55);
  for (const socket of sockets) socket.destroy();
  await expect
    .poll(async () => (await fetch(`${server.url}/v1/clients`, { headers: { 'x-api-key': KEY } })).status, {
      timeout: 10_000,
    })
    .toBe(200);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
}

promise(
  'R6',
  {
    promise: 'what the disk, the rights and the limits of a process refuse is survived',
    asked: 'every call site once: correct error, old file intact, no leak',
    // Faults for each command; the long form has all that there are.
    rounds: { short: 6, long: 1_000 },
  },
  async ({ rounds, seed }) => {
    const most = rounds;
    let [places, faults, published] = [0, 0, 0];
    if (hasStrace()) {
      for (const verb of STRUCK) {
        const struck = await strikeAll(verb, most, seed);
        places += struck.places;
        faults += struck.faults;
      }
      published = await strikePublish(most, seed);
    }
    const full = await fillDisk();
    if (isRoot) await immutableFile();
    if (isRoot) await notRoot();
    const refused = await fewFiles();
    await fewSockets();
    return (
      `${faults} faults at ${places} calls of ${STRUCK.length} commands that write a client file, ${published} of a publication: ` +
      `old or new file whole, store whole; ${full ? 'full disk, ' : ''}${isRoot ? 'immutable file, other user, ' : ''}` +
      `${refused} commands with too few files, a server with too few sockets: refused by name, nothing left behind`
    );
  },
);
