import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { eventId } from '../src/core/event.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { invoke } from '../src/operations/operation.ts';
import { call, callOn } from './crash/invariants.ts';
import { API_KEY, restInProcess } from './hostile/server.ts';
import { type Message, openEvents } from './support/sse.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const payload = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word] } } });
const LOCAL = { host: '127.0.0.1', port: 0 };
const KEY = { 'x-api-key': API_KEY };

async function running() {
  const rest = await restInProcess();
  const url = await rest.server.listen(LOCAL);
  const run = (id: string, input: object = {}) => {
    const operation = OPERATIONS.find((known) => known.id === id);
    if (!operation) throw new Error(`there is no operation ${id}`);
    return invoke(operation, rest.app.localContext('cli'), input);
  };
  const watch = async (query = '', headers: Record<string, string> = KEY, heard?: (message: Message) => void) => {
    const source = await openEvents(`${url}/v1/events${query}`, headers, { heard });
    onTestFinished(() => source.close());
    return source;
  };
  await callOn(rest.app, 'initialize_keys');
  const publish = (word: string) => callOn(rest.app, 'publish_config', { ...target, payload: payload(word) });
  return { ...rest, url, run, watch, publish };
}

describe('what happens', () => {
  it('is told once of a token that is revoked twice', async () => {
    const { run } = await running();
    const { token_id } = await run('tokens.create', { role: 'viewer' });
    for (let times = 0; times < 2; times += 1) {
      expect(await run('tokens.revoke', { token_id })).toEqual({ status: 'revoked', token_id });
    }
    const { changes } = await run('events.list', { types: 'token.revoked' });
    expect(changes).toHaveLength(1);
  });

  it('is told once for each thing that changed, with names and numbers and no value', async () => {
    const { app, workspace, run, publish } = await running();
    const file = join(workspace.home, '.cursor/mcp.json');
    const seen: string[] = [];
    let since: string | undefined;
    const types = async () => {
      const { changes, next } = (await run('events.list', since ? { since } : {})) as {
        changes: { type: string; data: object }[];
        next: string;
      };
      since = next;
      seen.push(JSON.stringify(changes));
      return changes.map(({ type }) => type);
    };
    expect(await types()).toEqual(['key.rotated']);
    await publish('value-one');
    expect(await types()).toEqual(['config.published', 'config.draft_changed']);
    await callOn(app, 'publish_config', target);
    expect(await types()).toEqual([]);
    await callOn(app, 'remove_server_from_config', { ...target, server_name: 'ours' });
    expect(await types()).toEqual(['config.draft_changed']);
    await expect(callOn(app, 'publish_config', target)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await types()).toEqual([]);
    await callOn(app, 'validate_config', { ...target, payload: payload('value-two') });
    expect(await types()).toEqual(['config.validated']);
    mkdirSync(join(workspace.home, '.cursor'));
    await callOn(app, 'deploy_config', target);
    expect(await types()).toEqual(['config.deployed']);
    await callOn(app, 'deploy_config', { ...target, dry_run: true });
    expect(await types()).toEqual([]);
    await publish('value-three');
    await callOn(app, 'revert_config', { ...target, sequence: 1 });
    expect(await types()).toEqual(['config.published', 'config.draft_changed', 'config.published', 'config.reverted']);
    writeFileSync(file, '{"mcpServers":{"ours":{"command":"value-four"}}}');
    for (let look = 0; look < 3; look += 1) await callOn(app, 'drift_status');
    expect(await types()).toEqual(['config.drift_detected']);
    writeFileSync(file, '{"mcpServers":{}}');
    await callOn(app, 'drift_status');
    expect(await types()).toEqual(['config.drift_detected']);
    const { token_id } = await run('tokens.create', { name: 'value-five' });
    await run('tokens.revoke', { token_id });
    await callOn(app, 'initialize_keys', { regenerate: true });
    expect(await types()).toEqual(['token.created', 'token.revoked', 'key.rotated']);
    expect(seen.join('\n')).not.toContain('value-');
  });

  it('tells of the releases of profiles that follow as well', async () => {
    const { app, run, publish } = await running();
    await publish('one');
    const link = { client_id: 'claude-code', source_client_id: 'cursor' };
    await callOn(app, 'link_profile', link);
    await publish('two');
    const { changes } = (await run('events.list', { types: 'config.published' })) as { changes: object[] };
    expect(changes).toMatchObject([
      { client_id: 'cursor', sequence: 1 },
      { client_id: 'claude-code', sequence: 1 },
      { client_id: 'cursor', sequence: 2 },
      { client_id: 'claude-code', sequence: 2 },
    ]);
  });

  it('ends a wait as soon as it does, also when another process did it', async () => {
    const { workspace, server } = await running();
    const begin = performance.now();
    const waiting = server.inject({
      url: `/v1/changes?since=${eventId(1)}&wait=20`,
      headers: { host: 'localhost', ...KEY },
    });
    await call(workspace, 'publish_config', { ...target, payload: payload('one') });
    const { changes } = (await waiting).json();
    expect(changes[0]).toMatchObject({ type: 'config.published', client_id: 'cursor' });
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it('ends a wait with a refusal when the token of who waits is revoked, and shows nothing that comes after', async () => {
    const { server, publish, run } = await running();
    const { token, token_id } = await run('tokens.create', { role: 'viewer' });
    await publish('one');
    const waiting = server.inject({
      url: `/v1/changes?since=${eventId(4)}&wait=20&types=config.published`,
      headers: { host: 'localhost', authorization: `Bearer ${token}` },
    });
    const answered = waiting.then(() => 'answered');
    expect(await Promise.race([answered, setTimeout(300, 'waits')])).toBe('waits');
    await run('tokens.revoke', { token_id });
    expect(await Promise.race([answered, setTimeout(1_000, 'waits')])).toBe('answered');
    const { statusCode, headers, body } = await waiting;
    expect([statusCode, JSON.parse(body).error.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    expect(headers['www-authenticate']).toBe('Bearer realm="mcp-orchestration"');
  });
});

describe('the event stream', () => {
  it('gives what was committed while it began, without waiting for the next commit', async () => {
    const { app, watch, publish } = await running();
    const range = app.store.events.range.bind(app.store.events);
    vi.spyOn(app.store.events, 'range').mockImplementationOnce(async (workspace) => {
      const found = await range(workspace);
      await publish('meanwhile');
      // Longer than it takes until the commit has rung.
      await setTimeout(200);
      return found;
    });
    const source = await watch();
    const given = source.until(2).then(() => source.events().map(({ type }) => type));
    expect(await Promise.race([given, setTimeout(1_500, [])])).toEqual(['config.published', 'config.draft_changed']);
  });

  it('gives what happens from now on, each with its id, type and one line of data', async () => {
    const { watch, publish } = await running();
    await publish('before');
    const source = await watch();
    expect([source.status, source.headers['content-type'], source.headers['cache-control']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-store',
    ]);
    expect(source.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    await publish('after');
    const [first] = await source.until(2);
    // Who is cut off before the first event knows from where to go on.
    expect(source.rest).toEqual(['retry: 3000', `id: ${eventId(3)}`]);
    expect(first).toMatchObject({ id: eventId(4), event: 'config.published' });
    expect(source.events()).toMatchObject([
      { id: eventId(4), type: 'config.published', ...target, workspace: 'default', sequence: 2 },
      { id: eventId(5), type: 'config.draft_changed' },
    ]);
  });

  it('goes on behind the last event that was seen, without a gap and without one twice', async () => {
    const { watch, publish } = await running();
    for (const word of ['one', 'two', 'three']) await publish(word);
    const source = await watch('', { ...KEY, 'last-event-id': eventId(3) });
    for (const word of ['four', 'five']) await publish(word);
    await source.until(8);
    expect(source.events().map(({ id }) => Number(id))).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    const other = await watch(`?since=${eventId(9)}`);
    await other.until(2);
    expect(other.events().map(({ id }) => Number(id))).toEqual([10, 11]);
  });

  it('says when events are lost, and goes on with the next', async () => {
    const { watch, publish } = await running();
    const source = await watch(`?since=${eventId(99)}`);
    await source.until(1);
    expect(source.messages).toEqual([{ event: 'resync', id: eventId(1), data: '{}' }]);
    await publish('one');
    await source.until(3);
    expect(source.events().map(({ id }) => Number(id))).toEqual([2, 3]);
  });

  it('gives only what was asked for', async () => {
    const { app, watch, publish } = await running();
    const source = await watch('?types=config.published&client_id=cursor&profile_id=default');
    await callOn(app, 'publish_config', { client_id: 'vscode', payload: payload('other') });
    await callOn(app, 'publish_config', { ...target, profile_id: 'dev', payload: payload('other') });
    await publish('one');
    await source.until(1);
    expect(source.events()).toMatchObject([{ type: 'config.published', ...target }]);
  });

  it.each([
    ['?types=party', 'types'],
    ['?since=1', 'since'],
    ['?client_id=UPPER', 'client_id'],
    ['?bogus=1', 'bogus'],
  ])('refuses %s and names the field', async (query, field) => {
    const { watch } = await running();
    const source = await watch(query);
    expect([source.status, JSON.parse(await source.body()).error.details.field]).toEqual([400, field]);
  });

  it('is for who may read events, five times each, and ends with the credential', async () => {
    const { run, watch, publish } = await running();
    const make = async (input: object) => {
      const { token, token_id } = await run('tokens.create', input);
      return { token_id, headers: { authorization: `Bearer ${token}` } };
    };
    const reader = await make({ scopes: ['events:read'] });
    expect((await watch('', (await make({ scopes: ['config:read'] })).headers)).status).toBe(403);
    expect((await watch('', {})).status).toBe(401);
    const open = [];
    for (let stream = 0; stream < 5; stream += 1) open.push(await watch('', reader.headers));
    const sixth = await watch('', reader.headers);
    expect([sixth.status, sixth.headers['retry-after'], JSON.parse(await sixth.body()).error.code]).toEqual([
      429,
      '1',
      'RATE_LIMITED',
    ]);
    open[0]?.close();
    await open[0]?.ended;
    await expect.poll(async () => (await watch('', reader.headers)).status).toBe(200);
    await run('tokens.revoke', { token_id: reader.token_id });
    await Promise.all(open.map(({ ended }) => ended));
    expect((await watch('', reader.headers)).status).toBe(401);
    await publish('goes on');
  });

  it('waits for a slow reader in the store, and not in memory: it gets everything once it reads again', async () => {
    const { app, watch } = await running();
    const changes = 6_000;
    const source = await watch();
    source.pause();
    const row = { type: 'config.draft_changed' as const, time: new Date(0).toISOString(), ...target };
    const more = { artifact_id: null, sequence: null, actor: 'a'.repeat(1000), data: {} };
    for (let round = 0; round < changes / 500; round += 1) {
      await app.store.transaction(async (tx) => {
        for (let i = 0; i < 500; i += 1) await tx.events.append('default', { ...row, ...more }, 100_000);
      });
      await setTimeout(60);
    }
    source.resume();
    await source.until(changes);
    expect(source.events().map(({ id }) => Number(id))).toEqual(Array.from({ length: changes }, (_, i) => i + 2));
  });

  it('ends with a hint when the server stops, and is gone on with at the next one', async () => {
    const { server, watch, publish } = await running();
    const source = await watch();
    await publish('one');
    await source.until(2);
    await server.close();
    await source.ended;
    expect(source.rest).toEqual(['retry: 3000', `id: ${eventId(1)}`, 'retry: 3000']);
  });
});
