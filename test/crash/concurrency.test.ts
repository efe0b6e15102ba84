import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { cliJson } from '../support/process.ts';
import { ROOT, testWorkspace, type Workspace } from '../support/workspace.ts';
import { type Acknowledged, assertWhole, call, callOn, isUndamaged, onHome, query } from './invariants.ts';

const target = { client_id: 'cursor', profile_id: 'dev' };
const ENTRY = { command: 'node', args: ['server.js'] };
/** Successes that each of the four writers has to reach. */
const EACH = 10;

/**
 * A process that loads what users get, says `ready`, waits for a line, and runs `body` with the command line at hand.
 * Everything it prints after that is one JSON value per line.
 */
const program = (body: string) => `
  import { Readable, Writable } from 'node:stream';
  import { once } from 'node:events';
  const { main } = await import(${JSON.stringify(join(ROOT, 'dist/bin.js'))});
  const sink = (write) => new Writable({ write: (chunk, _encoding, done) => { write(chunk); done(); } });
  const call = async (verb, ...args) => {
    let out = '';
    const terminal = { args: [verb, '--client', 'cursor', '--profile', 'dev', ...args, '--json'], stdin: Readable.from([]), cwd: '/', env: process.env };
    const code = await main({ ...terminal, stdout: sink((chunk) => { out += chunk; }), stderr: sink(() => undefined) });
    return { code, output: JSON.parse(out) };
  };
  const me = process.argv[1];
  const entry = ${JSON.stringify(ENTRY)};
  const won = [];
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  ${body}`;

/** Starts the bodies at the same moment, one process each, and gives what each of them printed. */
async function race({ env, home }: Workspace, bodies: readonly string[]): Promise<unknown[][]> {
  const children = bodies.map((body, me) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program(body), `w${me}`], {
      env,
      cwd: home,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => lines.push(line));
    return { child, lines, ready: once(reader, 'line'), ended: once(child, 'close') };
  });
  await Promise.all(children.map(({ ready }) => ready));
  for (const { child } of children) child.stdin.end('go\n');
  return Promise.all(
    children.map(async ({ ended, lines }) => {
      expect(await ended).toEqual([0, null]);
      return lines.slice(1).map((line) => JSON.parse(line));
    }),
  );
}

/** Reads the draft, adds a server of its own, and writes it back if nobody was faster: until it has won often enough. */
const EDIT = `
  while (won.length < ${EACH}) {
    const { output: seen } = await call('view-draft');
    const payload = { mcpServers: { ...seen.draft.mcpServers, [me + '-' + won.length]: entry } };
    const { code, output } = await call('set-draft', '--payload', JSON.stringify(payload), '--if-revision', String(seen.revision));
    if (code === 0) won.push(output.revision);
    else if (output.error.code !== 'DRAFT_CHANGED') throw new Error(JSON.stringify(output));
  }
  for (const revision of won) console.log(JSON.stringify(revision));`;

it('four processes that edit one draft lose no update, and each revision has exactly one winner', {
  timeout: 120_000,
}, async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  const won = await race(workspace, [EDIT, EDIT, EDIT, EDIT]);
  const numbers = Array.from({ length: 4 * EACH }, (_, index) => index + 1);
  expect(won.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers);
  const names = [0, 1, 2, 3].flatMap((me) => Array.from({ length: EACH }, (_, index) => `w${me}-${index}`));
  const draft = await call(workspace, 'view_draft_config', target);
  expect(draft['revision']).toBe(4 * EACH);
  expect((draft['servers'] as string[]).toSorted()).toEqual(names.toSorted());
  const audited = query(workspace, "select facts from audit where operation = 'drafts.set' order by number");
  expect(
    audited.map(({ facts }) => JSON.parse(String(facts)).revision),
    'one audit row per change, in order',
  ).toEqual(numbers);
});

/** Publishes payloads of its own on top of the revision it saw. Two of the writers do not look first. */
const PUBLISH = (looks: boolean) => `
  let tries = 0;
  while (won.length < ${EACH}) {
    tries += 1;
    const revision = ${looks} ? ['--if-revision', String((await call('view-draft')).output.revision)] : [];
    const payload = JSON.stringify({ mcpServers: { [me]: { ...entry, args: ['server.js', String(tries)] } } });
    const { code, output } = await call('publish-config', '--payload', payload, ...revision);
    if (code === 0) won.push(output);
    else if (output.error.code !== 'DRAFT_CHANGED') throw new Error(JSON.stringify(output));
  }
  for (const release of won) console.log(JSON.stringify(release));`;

it('four processes that publish at once number their releases without gaps, and every one verifies', {
  timeout: 120_000,
}, async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  const won = await race(workspace, [PUBLISH(true), PUBLISH(true), PUBLISH(false), PUBLISH(false)]);
  const releases = won.flat() as (Acknowledged & { status: string })[];
  expect(releases.every(({ status }) => status === 'published')).toBe(true);
  const sequences = releases.map(({ sequence }) => sequence).toSorted((a, b) => a - b);
  expect(sequences).toEqual(Array.from({ length: 4 * EACH }, (_, index) => index + 1));
  expect(await assertWhole(workspace, target, releases)).toBe(4 * EACH);
  expect(await call(workspace, 'view_draft_config', target)).toMatchObject({ revision: 4 * EACH });
  expect(isUndamaged(workspace)).toBe(true);
});

it('four real command lines that want the same revision: one is published, three are told', {
  timeout: 120_000,
}, async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  for (const round of [0, 1, 2]) {
    const payloads = [0, 1, 2, 3].map((me) =>
      JSON.stringify({ mcpServers: { s: { ...ENTRY, args: [`${round}-${me}`] } } }),
    );
    const outcomes = await Promise.all(
      payloads.map((payload) =>
        cliJson(
          workspace,
          'publish-config',
          '--client',
          'cursor',
          '--profile',
          'dev',
          '--payload',
          payload,
          '--if-revision',
          `${round}`,
        ).then(
          ({ sequence }) => `published ${sequence}`,
          (error: Error) => /ended with \d+: \w+/.exec(error.message)?.[0],
        ),
      ),
    );
    const told = 'ended with 5: DRAFT_CHANGED';
    expect(outcomes.toSorted()).toEqual([told, told, told, `published ${round + 1}`]);
  }
  expect(await assertWhole(workspace, target, [])).toBe(3);
});

it('four processes that make the first key agree on one', async () => {
  const workspace = await testWorkspace();
  const body = `
    let out = '';
    const stdout = sink((chunk) => { out += chunk; });
    const code = await main({ args: ['init', '--json'], stdin: Readable.from([]), stdout, stderr: sink(() => undefined), cwd: '/', env: process.env });
    console.log(JSON.stringify({ code, ...JSON.parse(out).keys }));`;
  const made = (await race(workspace, [body, body, body, body])).flat() as {
    code: number;
    status: string;
    key_id: string;
  }[];
  expect(made.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(new Set(made.map(({ key_id }) => key_id)).size).toBe(1);
  expect(made.map(({ status }) => status).toSorted()).toEqual([
    'already_exists',
    'already_exists',
    'already_exists',
    'initialized',
  ]);
});

it('while others deploy, nobody who asks is told of a drift', async () => {
  const workspace = await testWorkspace();
  await call(workspace, 'initialize_keys');
  await call(workspace, 'publish_config', { ...target, payload: { mcpServers: { s: ENTRY } } });
  await call(workspace, 'deploy_config', target);
  const deployer = `
    for (let number = 0; number < ${EACH}; number += 1) {
      const payload = { mcpServers: { [me]: { ...entry, args: [String(number)] } } };
      await call('publish-config', '--payload', JSON.stringify(payload));
      const { code, output } = await call('deploy-config');
      console.log(JSON.stringify(code === 0 ? 'deployed' : output));
    }`;
  let racing = true;
  const races = race(workspace, [deployer, deployer]).finally(() => {
    racing = false;
  });
  let asked = 0;
  await onHome(workspace, async (app) => {
    for (; racing; asked += 1) {
      expect(await callOn(app, 'get_deployed', target)).toMatchObject({ drift: false, changes: [] });
      // It waits for nothing, so that nobody else of this process would have a turn.
      await turn();
    }
  });
  const outcomes = (await races).flat();
  expect(outcomes).toHaveLength(2 * EACH);
  expect(outcomes.filter((outcome) => outcome !== 'deployed' && outcome !== 'unchanged')).toEqual([]);
  expect(asked).toBeGreaterThan(10);
});
