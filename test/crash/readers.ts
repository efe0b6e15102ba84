import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished } from 'vitest';
import { makeTestBuild, type TestBuild } from '../support/test-build.ts';
import { ROOT, temporaryDirectory, testWorkspace, type Workspace } from '../support/workspace.ts';
import { call, query, temporaryFiles } from './invariants.ts';

/** Processes that deploy and undo in turn, are killed at random moments, and somebody who reads the client file meanwhile. */

/** A deployment takes about ten milliseconds: a kill strikes any step of the first few. */
const KILL_WITHIN_MS = 60;

export interface Family {
  client_id: string;
  file: string;
  /** What was there before us. */
  own: string;
}
export const FAMILIES: Family[] = [
  {
    client_id: 'cursor',
    file: '.cursor/mcp.json',
    own: '{\n  "mcpServers": { "own": { "command": "mine", "n": 1.0 } }\n}\n',
  },
  {
    client_id: 'codex-cli',
    file: '.codex/config.toml',
    own: '# mine\nmodel = "x"\n\n[mcp_servers.own]\ncommand = "mine"\n',
  },
  {
    client_id: 'goose',
    file: '.config/goose/config.yaml',
    own: '# mine\nGOOSE_MODEL: x\nextensions:\n  own:\n    type: stdio\n    cmd: mine\n    args: []\n    enabled: true\n    name: own\n',
  },
];
/** So large that it would be torn, were it written in pieces. */
const payloadOf = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word, 'x'.repeat(30_000)] } } });

/** Node has no exchange of names of its own: without the library every replacement is a rename, as on Alpine Linux. */
async function buildWithoutExchange(build: TestBuild): Promise<TestBuild> {
  const directory = await temporaryDirectory('mcpo-no-exchange');
  for (const name of readdirSync(build.directory).filter((file) => file.endsWith('.mjs')))
    copyFileSync(join(build.directory, name), join(directory, name));
  mkdirSync(join(directory, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules')).filter((one) => one !== 'fs-native-extensions'))
    symlinkSync(join(ROOT, 'node_modules', name), join(directory, 'node_modules', name));
  return { directory, bin: join(directory, 'bin.mjs'), main: join(directory, 'main.mjs') };
}

/** A build that exchanges names, and one that replaces by a rename. */
export async function bothBuilds(): Promise<TestBuild[]> {
  const build = await makeTestBuild();
  return [build, await buildWithoutExchange(build)];
}

/** Deploys and undoes in turn until it is killed. Says each time that it did, and says what failed. */
const DEPLOYER = (main: string, client_id: string, artifact_id: string) => `
  import { main } from ${JSON.stringify(main)};
  import { flushCompileCache } from 'node:module';
  import { Readable, Writable } from 'node:stream';
  const sink = (write) => new Writable({ write: (chunk, _encoding, done) => { write(chunk); done(); } });
  const call = async (...args) => {
    let out = '';
    const streams = { stdin: Readable.from([]), stdout: sink((chunk) => { out += chunk; }), stderr: sink(() => undefined) };
    const code = await main({ args: [...args, '--client', ${JSON.stringify(client_id)}, '--json'], ...streams, cwd: '/', env: process.env });
    if (code !== 0) console.log('failed ' + out);
  };
  for (;;) {
    await call('deploy-config', '--artifact', ${JSON.stringify(artifact_id)});
    await call('undo-deployment');
    // The first of each loads the program, and a killed one would never leave to the next what it has compiled.
    flushCompileCache();
    console.log('ready');
  }`;

/** Compares each file with its two versions, again and again, and counts. */
const READER = `
  const { readFileSync } = require('node:fs');
  const { workerData: { files, stop }, parentPort } = require('node:worker_threads');
  const seen = files.map(() => ({ first: 0, second: 0, torn: 0, missing: 0 }));
  parentPort.postMessage('ready');
  while (Atomics.wait(stop, 0, 0, 1) === 'timed-out') {
    files.forEach(({ path, versions }, at) => {
      try {
        const now = readFileSync(path);
        const which = versions.findIndex((version) => now.equals(version));
        seen[at][which === 0 ? 'first' : which === 1 ? 'second' : 'torn'] += 1;
      } catch {
        seen[at].missing += 1;
      }
    });
  }
  parentPort.postMessage(seen);`;

export interface Watched {
  family: Family;
  workspace: Workspace;
  path: string;
  versions: [Buffer, Buffer];
  artifact_id: string;
}

/** A home with one release deployed and another one published; the file with the one, and with the other. */
export async function prepared(family: Family, given?: Workspace): Promise<Watched> {
  const workspace = given ?? (await testWorkspace());
  const target = { client_id: family.client_id };
  const path = join(workspace.home, family.file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, family.own);
  await call(workspace, 'initialize_keys');
  const release = (word: string) => call(workspace, 'publish_config', { ...target, payload: payloadOf(word) });
  await release('first');
  await call(workspace, 'deploy_config', target);
  const first = readFileSync(path);
  const artifact_id = String((await release('second'))['artifact_id']);
  await call(workspace, 'deploy_config', target);
  const second = readFileSync(path);
  await call(workspace, 'undo_deployment', target);
  expect(readFileSync(path)).toEqual(first);
  return { family, workspace, path, versions: [first, second], artifact_id };
}

/** A process that deploys and undoes in turn, once it has begun; what it said that failed. */
export async function startDeployer({ main, directory }: TestBuild, { family, workspace, artifact_id }: Watched) {
  const program = ['--input-type=module', '--eval', DEPLOYER(main, family.client_id, artifact_id)];
  const env = { ...workspace.env, NODE_COMPILE_CACHE: join(directory, 'cache') };
  const child = spawn(process.execPath, program, { env, cwd: workspace.home, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const failures: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => line !== 'ready' && failures.push(line));
  await once(reader, 'line');
  return { child, ended, failures };
}

async function killed(build: TestBuild, watched: Watched, random: () => number): Promise<string[]> {
  const { child, ended, failures } = await startDeployer(build, watched);
  await sleep(random() * KILL_WITHIN_MS);
  child.kill('SIGKILL');
  await ended;
  return failures;
}

async function reading(watched: readonly Watched[]) {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const files = watched.map(({ path, versions }) => ({ path, versions }));
  const reader = new Worker(READER, { eval: true, workerData: { files, stop } });
  onTestFinished(() => void reader.terminate());
  await once(reader, 'message');
  return async () => {
    const seen = once(reader, 'message');
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    return (await seen)[0] as { first: number; second: number; torn: number; missing: number }[];
  };
}

/** Fails when a reader that polls every millisecond ever finds something else than one of the two whole versions. */
export async function readWhileKilled(build: TestBuild, kills: number, random: () => number) {
  const watched = await Promise.all(FAMILIES.map((family) => prepared(family)));
  const stop = await reading(watched);
  const rounds = Math.ceil(kills / FAMILIES.length);
  const failures = await Promise.all(
    watched.map(async (one) => {
      const heard: string[] = [];
      for (let round = 0; round < rounds; round += 1) heard.push(...(await killed(build, one, random)));
      return heard;
    }),
  );
  const seen = await stop();
  const polls = seen.map(({ first, second, torn, missing }) => first + second + torn + missing);
  expect(failures.flat()).toEqual([]);
  for (const one of seen) {
    expect(one).toMatchObject({ torn: 0, missing: 0 });
    // Else it looked at a file that nobody touched.
    expect(Math.min(one.first, one.second)).toBeGreaterThan(0);
  }
  for (const { workspace, family, path, versions } of watched) {
    await call(workspace, 'deploy_config', { client_id: family.client_id });
    expect(readFileSync(path)).toEqual(versions[1]);
    // What lay beside the file goes with the next writer there, and that of the copies as well.
    await call(workspace, 'undo_deployment', { client_id: family.client_id });
    expect(temporaryFiles(workspace.home)).toEqual([]);
    expect(query(workspace, "select deployment_id from deployments where status = 'intent'")).toEqual([]);
  }
  return { kills: rounds * watched.length, polls: polls.reduce((sum, count) => sum + count) };
}
