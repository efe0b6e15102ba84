import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { expect } from 'vitest';
import { unpackedPackage } from '../support/debian.ts';
import { BIN, cliJson, type HttpServer, run, startHttp } from '../support/process.ts';
import { payload, puller } from '../support/pulling.ts';
import { testWorkspace, type Workspace } from '../support/workspace.ts';
import { cannot, promise } from './support/promise.ts';

/** With it, the clock of a program is what a file says, from one moment to the next. */
function findLibrary(): string {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const path = `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`;
  if (existsSync(path)) return path;
  const unpacked = unpackedPackage('libfaketime');
  return isAbsolute(unpacked) ? join(unpacked, path) : unpacked;
}
const LIBRARY = findLibrary();
const TARGET = ['--client', 'cursor'];

/** What the clock of a server does, one after the other. */
const JUMPS = ['+1h', '-1h', '+1y', '-1y', '+0'];
const SMALL = ['+5m', '-5m'];

/** Gives a workspace a clock of its own. */
function clockOf({ home, env }: Workspace) {
  const file = join(home, 'clock');
  const set = (to: string) => writeFileSync(file, `${to}\n`);
  set('+0');
  Object.assign(env, {
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  });
  return set;
}

const pull = async ({ env, home }: Workspace) => {
  const { stdout, stderr } = await run(process.execPath, [BIN, 'pull', ...TARGET, '--json'], { env, cwd: home });
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as {
    status?: string;
    sequence?: number;
    error?: { code: string; details: { reason: string } };
  };
};
const inFile = ({ home }: Workspace) =>
  JSON.parse(readFileSync(join(home, '.cursor/mcp.json'), 'utf8')).mcpServers.ours.args[0];

/** A long poll of one second ends after about that, whatever the clock says. */
async function expectTimers(server: HttpServer, token: string): Promise<void> {
  const { body } = await server.ask('GET', '/v1/changes', { token });
  const began = performance.now();
  expect((await server.ask('GET', `/v1/changes?since=${body['next']}&wait=1`, { token })).status).toBe(200);
  const took = performance.now() - began;
  expect([took > 800, took < 10_000], `a second took ${Math.round(took)} ms`).toEqual([true, true]);
}

if (!isAbsolute(LIBRARY)) cannot('R17', LIBRARY);
else
  promise(
    'R17',
    {
      promise: 'a clock that jumps loses nothing, and nothing that expired is accepted',
      asked:
        '±1 h, ±1 year, backwards: no expired artifact accepted, no valid one refused for more than 1 cycle by a skew of 5 min, ordering by sequence, timers keep running',
      // Times through all jumps.
      rounds: { short: 1, long: 10 },
    },
    async ({ rounds }) => {
      const office = await testWorkspace();
      const serverClock = clockOf(office);
      const server = await startHttp(office, { env: { MCP_ORCHESTRATION_TRUSTED_PROXIES: '127.0.0.1' } });
      await cliJson(office, 'initialize-keys');
      const made = await cliJson(
        office,
        'generate-token',
        '--scope',
        'config:read',
        '--scope',
        'events:read',
        '--expires',
        'never',
      );
      const admin = await cliJson(office, 'generate-token', '--role', 'admin', '--expires', 'never');
      const token = String(admin['token']);
      const brief = await server.ask('POST', '/v1/tokens', {
        token,
        body: { scopes: ['config:read'], expires: '10d' },
      });
      expect(brief.status).toBe(201);
      const machine = await puller(server.url, String(made['token']));
      const machineClock = clockOf(machine);
      await cliJson(machine, 'trust-key', join(office.data_dir, 'keys/signing.pub'));
      const publish = async (word: string) => {
        const told = await server.ask('POST', '/v1/config/cursor/default/publish', {
          token,
          body: { payload: payload(word) },
        });
        expect(told.status, JSON.stringify(told.body)).toBe(201);
        return Number(told.body['sequence']);
      };
      let [sequence, refused, skewed] = [0, 0, 0];
      for (let round = 0; round < rounds; round += 1) {
        for (const jump of JUMPS) {
          serverClock(jump);
          const year = jump.endsWith('1y');
          const word = `${round}${jump}`;
          expect(await publish(word), jump).toBe(sequence + 1);
          sequence += 1;
          expect((await server.ask('GET', '/v1/config/cursor/default/latest', { token })).body).toMatchObject({
            sequence,
          });
          await expectTimers(server, token);
          const valid = await server.ask('GET', '/v1/clients', { token: String(brief.body['token']) });
          expect(valid.status, `a token of ten days at ${jump}`).toBe(jump === '+1y' ? 401 : 200);
          // Machines whose clock is right, and a little wrong.
          machineClock(jump);
          if (year) continue;
          expect(await pull(machine), jump).toMatchObject({ status: 'deployed', sequence });
          for (const skew of SMALL) {
            machineClock(skew);
            if (jump === '+0') expect(await pull(machine), skew).toMatchObject({ sequence });
            skewed += jump === '+0' ? 1 : 0;
          }
        }
        // A machine that is a year ahead takes nothing, keeps what it has, and is right again when its clock is.
        expect(await publish(`${round} late`)).toBe(++sequence);
        machineClock('+1y');
        expect((await pull(machine)).error).toMatchObject({
          code: 'SIGNATURE_INVALID',
          details: { reason: 'expired' },
        });
        refused += 1;
        expect(inFile(machine)).toBe(`${round}+0`);
        machineClock('+0');
        expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence });
        expect(inFile(machine)).toBe(`${round} late`);
      }
      const events = await server.ask('GET', '/v1/changes?since=0000000000000000&types=config.published', { token });
      const told = (events.body['changes'] as { id: string; sequence: number }[]).map((event) => event.sequence);
      expect(told.slice(-3)).toEqual(told.slice(-3).toSorted((a, b) => a - b));
      expect(await server.stop()).toEqual({ code: 0, signal: null });
      return (
        `${rounds * JUMPS.length} jumps of a server (${JUMPS.join(', ')}), ${sequence} releases in order; ` +
        `${refused} pulls a year late refused as expired, ${skewed} with a skew of 5 minutes accepted at once; timers kept running`
      );
    },
  );
