import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { BIN, run } from '../support/process.ts';
import { hasStrace, STRACE } from '../support/strace.ts';
import { testWorkspace } from '../support/workspace.ts';
import { call, callOn, onHome } from './invariants.ts';

/**
 * A client that counts in its own file every few milliseconds, and looks each time whether its last count is still there.
 * An older count that gives way to the last one was an exchange that was taken back (decision 0020); one that stays is a
 * loss.
 */
const CLIENT = `
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
const [file, how] = process.argv.slice(2);
let last = 0;
let older = 0;
let going = true;
process.stdin.on('end', () => { going = false; }).resume();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// Every now and then it pauses, as every client does: otherwise a slow machine would find no moment to write.
const pause = () => sleep(last % 40 === 0 ? 100 : 2 + Math.random() * 4);
const read = () => JSON.parse(readFileSync(file, 'utf8'));
const readLast = async () => {
  let found = read();
  if (found.count < last) older += 1;
  for (let until = Date.now() + 10_000; found.count < last && Date.now() < until; found = read()) await sleep(1);
  return found;
};
while (going) {
  const found = await readLast();
  if (found.count < last || found.mine !== 'kept') {
    console.log('lost: ' + found.count + ' after ' + last + ', mine ' + found.mine);
    process.exit(1);
  }
  last = found.count + 1;
  const text = JSON.stringify({ ...found, count: last }, null, 2);
  if (how === 'rename') { writeFileSync(file + '.client', text); renameSync(file + '.client', file); }
  else writeFileSync(file, text);
  await pause();
}
console.log('counted to ' + (await readLast()).count + ' of ' + last + ', saw an older one ' + older + ' times');
`;

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 50);

it.each(['rename', 'in-place'])(
  'a client that rewrites its file every few milliseconds (%s) never loses its own keys to a deployment or an undo',
  async (how) => {
    const workspace = await testWorkspace();
    const file = join(workspace.home, '.claude.json');
    const script = join(workspace.home, 'client.mjs');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '{"count": 0, "mine": "kept"}\n');
    writeFileSync(script, CLIENT);
    await call(workspace, 'initialize_keys');
    const child = spawn(process.execPath, [script, file, how], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    const outcomes = new Map<string, number>();
    const unexpected: string[] = [];
    await onHome(workspace, async (app) => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const payload = { mcpServers: { ours: { command: 'node', args: [String(round)] } } };
        await callOn(app, 'publish_config', { client_id: 'claude-code', payload });
        const attempt = async (tool: string, more: object = {}) => {
          const outcome = await callOn(app, tool, { client_id: 'claude-code', ...more }).then(
            ({ status }) => String(status),
            (error: { code?: string }) => error.code ?? String(error),
          );
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          if (!(EXPECTED[tool] ?? []).includes(outcome)) unexpected.push(`${tool}: ${outcome}`);
          return outcome;
        };
        const deployed = await attempt('deploy_config', { on_drift: 'overwrite' });
        if (deployed === 'deployed' && round % 3 > 0) await attempt('undo_deployment');
      }
    });
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'close');
    process.stdout.write(`${how}: ${JSON.stringify(Object.fromEntries(outcomes))}, the client ${said}`);
    expect(said).toMatch(/^counted to (\d+) of \1, saw an older one \d+ times\n$/);
    expect(unexpected).toEqual([]);
    expect(outcomes.get('deployed') ?? 0, 'no deployment ever found a quiet moment').toBeGreaterThan(0);
    expect(outcomes.get('undone') ?? 0, 'no undo ever found a quiet moment').toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(file, 'utf8')).mine).toBe('kept');
  },
);

/**
 * An in-place writer leaves half a file for an instant: that is refused as well, and nothing is written. A client that
 * read before a deployment and writes after it drops our entry with its own old text: an undo names that as drift.
 */
const BUSY = ['CLIENT_FILE_CHANGED', 'CLIENT_FILE_UNPARSABLE'];
const EXPECTED: Record<string, string[]> = {
  deploy_config: ['deployed', ...BUSY],
  undo_deployment: ['undone', 'DRIFT_DETECTED', ...BUSY],
};

/**
 * Both sides of the exchange are made so long that the client writes before it and looks behind it. What it sees there is
 * older than what it wrote: with two programs that do not know of each other's locks, no order of calls hides that.
 */
it('a client that writes just before the exchange sees an older version for an instant, and has lost nothing', async () => {
  if (!hasStrace()) return;
  const workspace = await testWorkspace();
  const file = join(workspace.home, '.claude.json');
  const read = () => JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, '{"count": 0, "mine": "kept"}\n');
  await call(workspace, 'initialize_keys');
  const payload = { mcpServers: { ours: { command: 'node', args: ['a'] } } };
  await call(workspace, 'publish_config', { client_id: 'claude-code', payload });
  const slow = 'inject=renameat2:delay_enter=400000:delay_exit=400000:when=1';
  const args = [
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    join(workspace.home, 'strace.txt'),
    '-e',
    'trace=renameat2',
    '-e',
    slow,
  ];
  const { env, home } = workspace;
  const command = [process.execPath, BIN, 'deploy-config', '--client', 'claude-code', '--json'];
  const finished = run(STRACE, [...args, ...command], { env, cwd: home });
  let over = false;
  void finished.finally(() => {
    over = true;
  });
  let last = 0;
  let older = 0;
  // Rarer than a deployment looks and more often than the exchange takes. It stops when it has seen what is shown here.
  for (; !over; await sleep(older > 0 ? 5 : 100)) {
    const found = read();
    if (found.count < last) older += 1;
    if (older > 0) continue;
    last += 1;
    writeFileSync(`${file}.client`, JSON.stringify({ ...found, count: last }));
    renameSync(`${file}.client`, file);
  }
  expect(await finished).toMatchObject({ code: 0 });
  expect(older, 'an older version was seen').toBeGreaterThan(0);
  expect(read()).toMatchObject({ count: last, mine: 'kept', mcpServers: { ours: { command: 'node' } } });
});
