import { expect, it } from 'vitest';
import { verifyPointer } from '../src/core/verify.ts';
import { renewPointers } from '../src/operations/pointer-keeper.ts';
import type { KeyRow } from '../src/stores/rows.ts';
import { callOn } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { cliJson, startHttp } from './support/process.ts';
import { rowsIn } from './support/rows.ts';
import { testWorkspace } from './support/workspace.ts';

/** The signed statement which release is the latest: who gets one, when a new one is signed, and what it can be trusted for. */

const target = { client_id: 'cursor', profile_id: 'default' };
const CONFIG = '/v1/config/cursor/default';
const payload = (name: string) => ({ mcpServers: { [name]: { command: 'node', args: [name] } } });
const DAY_MS = 24 * 60 * 60 * 1000;

/** What this test reads of answers. */
interface Answered {
  artifact_id: string;
  sequence: number;
  pointer: object | null;
  keys: KeyRow[];
  releases: { artifact_id: string }[];
}

/** What a machine elsewhere finds in an answer, with nothing but the key set of the server. */
function believed({ pointer }: Pick<Answered, 'pointer'>, keys: readonly KeyRow[], now = new Date()) {
  const known = new Map(keys.map((key) => [key.key_id, key]));
  return verifyPointer(JSON.stringify(pointer), { workspace: 'default', ...target, now }, known).statement.predicate;
}

async function serverMode(workspace = testWorkspace()) {
  const place = await workspace;
  const env = { MCP_ORCHESTRATION_API_KEY: API_KEY };
  const server = await startHttp(place, { env, args: ['--host', '0.0.0.0'] });
  const url = server.url.replace('0.0.0.0', '127.0.0.1');
  const ask = async (path: string, body?: object) => {
    const answer = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'x-api-key': API_KEY, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { etag: answer.headers.get('etag'), body: (await answer.json()) as Answered };
  };
  return { place, ask };
}

it('a server for others signs a pointer with every release, also with one that is published beside it', async () => {
  const { place, ask } = await serverMode();
  await ask('/v1/keys/initialize', {});
  const { keys } = (await ask('/v1/keys')).body;
  for (const number of [1, 2]) {
    await ask(`${CONFIG}/publish`, { payload: payload(`name-${number}`) });
    const { etag, body } = await ask(CONFIG);
    const pointer = believed(body, (await ask('/v1/keys')).body.keys);
    expect(pointer).toMatchObject({ number, sequence: number, artifact_id: body.artifact_id });
    expect(Date.parse(pointer.expires_at) - Date.parse(pointer.issued_at)).toBe(30 * DAY_MS);
    expect(etag).toBe(`"${body.artifact_id}-${number}-${number}"`);
  }
  expect(keys).toHaveLength(1);
  await cliJson(place, 'add-server', 'memory', '--client', 'cursor');
  await cliJson(place, 'publish-config', '--client', 'cursor');
  const { body } = await ask(CONFIG);
  expect(believed(body, keys)).toMatchObject({ number: 3, sequence: 3, artifact_id: body.artifact_id });
  const earlier = (await ask(`${CONFIG}/history`)).body.releases[2]?.artifact_id;
  expect((await ask(`${CONFIG}?artifact_id=${earlier}`)).body).toMatchObject({ sequence: 1, pointer: null });
});

it('one machine alone needs none, and gets them when it becomes a server for others', async () => {
  const place = await testWorkspace();
  await cliJson(place, 'initialize-keys');
  await cliJson(place, 'add-server', 'memory', '--client', 'cursor');
  await cliJson(place, 'publish-config', '--client', 'cursor');
  expect(await cliJson(place, 'get-config', '--client', 'cursor')).toMatchObject({ sequence: 1, pointer: null });
  const { ask } = await serverMode(Promise.resolve(place));
  await expect.poll(async () => (await ask(CONFIG)).body.pointer).not.toBeNull();
  const { etag, body } = await ask(CONFIG);
  expect(believed(body, (await ask('/v1/keys')).body.keys)).toMatchObject({ number: 1, sequence: 1 });
  expect(etag).toBe(`"${body.artifact_id}-1-1"`);
});

async function kept() {
  let at = new Date('2026-11-27T12:00:00.000Z');
  const now = () => at;
  const { app, server, workspace } = await restInProcess({ now });
  await callOn(app, 'initialize_keys');
  await callOn(app, 'publish_config', { ...target, payload: payload('one') });
  const get = async () => {
    const answer = await server.inject({ url: CONFIG, headers: { host: 'localhost', 'x-api-key': API_KEY } });
    return { status: answer.statusCode, body: answer.json() };
  };
  const { keys, log } = app.services;
  const failed: unknown[] = [];
  const listening = { ...log, warn: (facts: unknown) => failed.push(facts) } as typeof log;
  /** What is served after so many processes have looked after their pointers at that time. */
  const after = async (time: number, at_once = 1) => {
    at = new Date(time);
    await Promise.all(
      Array.from({ length: at_once }, () => renewPointers({ store: app.store, keys, log: listening, now })),
    );
    expect(failed).toEqual([]);
    const { body } = await get();
    return believed(body, await app.store.keys.list('default'), at);
  };
  return { app, workspace, get, after, start: at.getTime() };
}

it('a pointer is renewed when half of its life has passed, and not before', async () => {
  const { after, start } = await kept();
  expect(await after(start)).toMatchObject({ number: 1, sequence: 1 });
  expect(await after(start + 15 * DAY_MS)).toMatchObject({ number: 1 });
  const renewed = await after(start + 15 * DAY_MS + 1);
  expect(renewed).toMatchObject({ number: 2, sequence: 1 });
  expect(Date.parse(renewed.issued_at)).toBe(start + 15 * DAY_MS + 1);
  expect(await after(start + 365 * DAY_MS)).toMatchObject({ number: 3, sequence: 1 });
});

it('a pointer that was signed while the clock was ahead is replaced when the clock is right again', async () => {
  const { after, start } = await kept();
  await after(start + 365 * DAY_MS);
  const again = await after(start);
  expect(again).toMatchObject({ number: 2, sequence: 1 });
  expect(Date.parse(again.expires_at)).toBe(start + 30 * DAY_MS);
});

it('a new signing key signs the pointers again; several keepers at once leave no gap in the numbers', async () => {
  const { app, after, start } = await kept();
  await after(start);
  const { key_id } = await callOn(app, 'initialize_keys', { regenerate: true });
  expect(await after(start, 4)).toMatchObject({ number: 2, sequence: 1 });
  expect(await app.store.pointers.get('default', 'cursor', 'default')).toMatchObject({ signing_key_id: key_id });
});

it('a pointer that was changed in the store is refused, not served', async () => {
  const { workspace, after, get, start } = await kept();
  await after(start);
  await rowsIn(workspace.env, 'update pointers set envelope = replace(envelope, \'"sig":"\', \'"sig":"AAAA\')');
  await new Promise(setImmediate);
  expect(await get()).toMatchObject({ status: 422, body: { error: { code: 'SIGNATURE_INVALID' } } });
});
