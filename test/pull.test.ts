import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../src/core/canonical-json.ts';
import { renewPointers } from '../src/operations/pointer-keeper.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { type Offer, payload, publisher, puller, wayTo } from './support/pulling.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** Releases of a server on another machine: what is taken over, and what is refused. */

const DAY_MS = 24 * 60 * 60 * 1000;
const TARGET = ['--client', 'cursor'];
const fileOf = ({ home }: Workspace) => join(home, '.cursor/mcp.json');
const contentOf = (machine: Workspace) => readFileSync(fileOf(machine), 'utf8');
/** The words of the one server that is published here. */
const serverIn = (machine: Workspace) => JSON.parse(contentOf(machine)).mcpServers.ours?.args;
const pull = (machine: Workspace, ...more: string[]) => cliHereJson(machine, 'pull', ...TARGET, ...more);

/** The refusal of a pull: its code, and the reason that it names. */
async function refused(machine: Workspace, ...more: string[]) {
  const { code, json } = await cliHere(machine, 'pull', ...TARGET, '--json', ...more);
  expect(code).not.toBe(0);
  const { error } = json() as { error: { code: string; details: { reason?: string }; hint: string } };
  return { code: error.code, reason: error.details.reason, hint: error.hint };
}
const invalid = (reason: string) => expect.objectContaining({ code: 'SIGNATURE_INVALID', reason });

/** A published release, a machine that trusts its publisher, and somebody on the way between them. */
async function machines(settings: Parameters<typeof publisher>[0] = {}) {
  const server = await publisher(settings);
  await server.publish('one');
  const way = await wayTo(server.url);
  const machine = await puller(way.url, await server.token(['config:read']));
  await cliHereJson(machine, 'trust-key', server.public_key);
  return { server, way, machine };
}

describe('a machine that pulls', () => {
  it('merges what was published elsewhere, with ledger, backup, drift and undo as if it were published here', async () => {
    const { server, machine } = await machines();
    const own = '{\n\t"mcpServers": { "own": {"command": "mine", "n": 1.0} }\n}\n';
    mkdirSync(join(machine.home, '.cursor'));
    writeFileSync(fileOf(machine), own);
    const planned = await pull(machine, '--dry-run');
    expect(planned).toMatchObject({ status: 'planned', sequence: 1, server: expect.stringMatching(/^http:/) });
    expect(contentOf(machine)).toBe(own);
    const deployed = await pull(machine);
    expect(deployed).toMatchObject({ status: 'deployed', sequence: 1, changes: { added: ['ours'] } });
    expect(contentOf(machine)).toContain('"own": {"command": "mine", "n": 1.0}');
    expect(readFileSync(String(deployed['backup_path']), 'utf8')).toBe(own);
    expect(await pull(machine)).toMatchObject({ status: 'unchanged', sequence: 1 });
    await server.publish('two');
    await server.publish('three');
    expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence: 3 });
    expect(serverIn(machine)).toEqual(['three']);
    expect(await cliHereJson(machine, 'get-deployed', ...TARGET)).toMatchObject({ drift: false, up_to_date: true });
    for (const left of [['one'], undefined]) {
      await cliHereJson(machine, 'undo-deployment', ...TARGET);
      expect(serverIn(machine)).toEqual(left);
    }
    expect(contentOf(machine)).toBe(own);
    expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence: 3 });
    writeFileSync(fileOf(machine), contentOf(machine).replace('three', 'changed by hand'));
    expect(await refused(machine)).toMatchObject({ code: 'DRIFT_DETECTED' });
    expect(await cliHereJson(machine, 'drift-status')).toMatchObject({ drift_count: 1 });
    expect(await pull(machine, '--on-drift', 'overwrite')).toMatchObject({ status: 'deployed' });
  });

  it('brings a profile with it that only the server has', async () => {
    const { server, machine } = await machines();
    await server.ask('/v1/clients/cursor/profiles', { profile_id: 'team' });
    await server.publish('of the team', {}, 'team');
    expect(await pull(machine, '--profile', 'team')).toMatchObject({ status: 'deployed', profile_id: 'team' });
    const deployed = await cliHereJson(machine, 'get-deployed', ...TARGET, '--profile', 'team');
    expect(deployed).toMatchObject({ up_to_date: true, drift: false });
    expect(await refused(machine, '--profile', 'nobodys')).toMatchObject({ code: 'PROFILE_NOT_FOUND' });
    expect(await refused(machine, '--profile', 'prod')).toMatchObject({ code: 'CONFIG_NOT_FOUND' });
  });

  it('has no draft and no releases of its own in a profile that follows a server', async () => {
    const { machine } = await machines();
    await pull(machine);
    await cliHereJson(machine, 'initialize-keys');
    const link = ['link-profile', '--client', 'cursor', '--source-client-id', 'zed'];
    for (const args of [['publish-config', ...TARGET], ['add-server', 'memory', ...TARGET], link]) {
      const { json } = await cliHere(machine, ...args, '--json');
      expect(json()).toMatchObject({ error: { code: 'PROFILE_LINKED' } });
    }
  });

  it('goes on alone once it was told to, with its releases and the next number, and then pulls no more', async () => {
    const { server, machine } = await machines();
    await pull(machine);
    await cliHereJson(machine, 'initialize-keys');
    const linked = await cliHere(machine, 'unlink-profile', ...TARGET, '--json');
    expect(linked.json()).toMatchObject({
      error: { code: 'PROFILE_LINKED', hint: expect.stringContaining('unpull --client cursor --profile default') },
    });
    const file = contentOf(machine);
    expect(await cliHereJson(machine, 'unpull', ...TARGET)).toMatchObject({ status: 'unpulled', client_id: 'cursor' });
    expect(contentOf(machine)).toBe(file);
    await cliHereJson(machine, 'add-server', 'memory', ...TARGET);
    expect(await cliHereJson(machine, 'publish-config', ...TARGET)).toMatchObject({ sequence: 2 });
    const deployed = await cliHereJson(machine, 'deploy-config', ...TARGET);
    expect(deployed).toMatchObject({ changes: { added: ['memory'], updated: [], removed: [] } });
    await server.publish('two');
    expect(await refused(machine)).toMatchObject({ code: 'PROFILE_HAS_RELEASES' });
    const { json } = await cliHere(machine, 'unpull', ...TARGET, '--json');
    expect(json()).toMatchObject({ error: { code: 'INVALID_INPUT', details: { field: 'profile_id' } } });
  });

  it('is taken up again as long as nothing was published here, and never with something older', async () => {
    const { server, way, machine } = await machines();
    let first: Offer | undefined;
    way.becomes((offer) => {
      first ??= offer;
      return offer;
    });
    await pull(machine);
    await server.publish('two');
    await pull(machine);
    await cliHereJson(machine, 'unpull', ...TARGET);
    way.becomes(() => first);
    expect(await refused(machine)).toEqual(invalid('rollback'));
    way.becomes((offer) => offer);
    expect(await pull(machine)).toMatchObject({ status: 'unchanged', sequence: 2 });
    await server.publish('three');
    expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence: 3 });
  });

  it('is followed by no other profile here: what it pulls later would not get there', async () => {
    const { machine } = await machines();
    await cliHereJson(machine, 'initialize-keys');
    const link = ['link-profile', '--client', 'zed', '--to', 'cursor', '--json'];
    const unlink = ['unlink-profile', '--client', 'zed'];
    await cliHereJson(machine, ...link);
    expect(await refused(machine)).toMatchObject({ code: 'PROFILE_LINKED', hint: expect.stringContaining('unlink') });
    await cliHereJson(machine, ...unlink);
    await pull(machine);
    const { json } = await cliHere(machine, ...link);
    expect(json()).toMatchObject({ error: { code: 'PROFILE_LINKED', hint: expect.stringContaining('--client zed') } });
  });

  it('does not mix its own releases with those of a server', async () => {
    const { machine } = await machines();
    await cliHereJson(machine, 'initialize-keys');
    await cliHereJson(machine, 'add-server', 'memory', ...TARGET);
    await cliHereJson(machine, 'publish-config', ...TARGET);
    expect(await refused(machine)).toMatchObject({ code: 'PROFILE_HAS_RELEASES' });
    expect(existsSync(fileOf(machine))).toBe(false);
  });

  it('says what is missing: a server, a credential, a connection', async () => {
    const { way, machine } = await machines();
    const { MCP_ORCHESTRATION_SERVER: _, MCP_ORCHESTRATION_TOKEN: token = '', ...env } = machine.env;
    expect(await refused({ ...machine, env })).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await refused(machine, '--server', 'ftp://mcp.example')).toMatchObject({ code: 'INVALID_INPUT' });
    expect(await refused(machine, '--watch', '--once')).toMatchObject({ code: 'INVALID_INPUT' });
    const without = { ...machine, env: { ...env, MCP_ORCHESTRATION_SERVER: way.url } };
    expect(await refused(without)).toMatchObject({
      code: 'AUTHENTICATION_REQUIRED',
      hint: expect.stringContaining('set MCP_ORCHESTRATION_TOKEN here'),
    });
    const wrong = { ...without, env: { ...without.env, MCP_ORCHESTRATION_TOKEN: 'wrong' } };
    expect(await refused(wrong)).toMatchObject({
      code: 'INVALID_CREDENTIALS',
      hint: expect.stringContaining('on the server'),
    });
    await pull(machine);
    await way.cut();
    expect(await refused(machine)).toMatchObject({ code: 'UNAVAILABLE', reason: 'server' });
    expect(serverIn(machine)).toEqual(['one']);
    const told = await cliHere(machine, 'pull', ...TARGET, '--json');
    expect(told.stdout + told.stderr).not.toContain(token);
  });
});

describe('plain http to another machine', () => {
  /** Leads to this machine, and is none of the names of it: like the name of another one. */
  const elsewhere = (url: string) => url.replace('127.0.0.1', '0.0.0.0');

  it('is refused before anything is sent, since it shows the token', async () => {
    const { way, machine } = await machines();
    let asked = 0;
    way.becomes((offer) => {
      asked += 1;
      return offer;
    });
    for (const args of [['pull'], ['install-agent'], ['pull', '--watch']]) {
      const refusal = await cliHere(machine, ...args, ...TARGET, '--server', elsewhere(way.url), '--json');
      expect(refusal.json()).toMatchObject({
        error: { code: 'INVALID_INPUT', details: { field: 'server' }, hint: expect.stringContaining('--allow-http') },
      });
    }
    expect(asked).toBe(0);
  });

  it('is used when that was said, also by what the system starts', async () => {
    const { way, machine } = await machines();
    const said = ['--server', elsewhere(way.url), '--allow-http'];
    expect(await pull(machine, ...said)).toMatchObject({ status: 'deployed', server: elsewhere(way.url) });
    const { text } = await cliHereJson(machine, 'install-agent', '--os', 'linux', ...TARGET, ...said);
    expect(text).toContain('"--allow-http"');
  });
});

describe('a key', () => {
  it('is trusted because somebody said so, and never because it came first', async () => {
    const server = await publisher();
    await server.publish('one');
    const machine = await puller(server.url, await server.token(['config:read']));
    expect(await refused(machine)).toEqual(invalid('unknown_key'));
    const { key_id } = await cliHereJson(server.workspace, 'initialize-keys');
    const other = 'f'.repeat(64);
    expect(await cliHereJson(machine, 'trust-key', '--fingerprint', other)).toMatchObject({ status: 'trusted' });
    expect(await refused(machine)).toEqual(invalid('unknown_key'));
    const upper = String(key_id).toUpperCase();
    const trusted = await cliHereJson(machine, 'trust-key', '--fingerprint', upper);
    expect(trusted).toMatchObject({ status: 'trusted', key_id, trusted: [other, key_id] });
    expect(await pull(machine)).toMatchObject({ status: 'deployed' });
    const again = await cliHereJson(machine, 'trust-key', server.public_key);
    expect(again).toMatchObject({ status: 'already_trusted', key_id });
    for (const key of [other, upper]) await cliHereJson(machine, 'trust-key', '--fingerprint', key, '--remove');
    expect(await refused(machine)).toEqual(invalid('unknown_key'));
    expect(await cliHereJson(machine, 'drift-status')).toMatchObject({ drift_count: 0 });
  });

  it.each([
    ['a file', '/v1/config/'],
    ['its fingerprint', '/v1/keys'],
  ])('named by %s that is removed while a server is slow to answer is removed', async (by, path) => {
    const server = await publisher();
    await server.publish('one');
    const way = await wayTo(server.url);
    const machine = await puller(way.url, await server.token(['config:read']));
    const { key_id } = await cliHereJson(server.workspace, 'initialize-keys');
    const fingerprint = ['--fingerprint', String(key_id)];
    await cliHereJson(machine, 'trust-key', ...(by === 'a file' ? [server.public_key] : fingerprint));
    way.becomesAt(path, async (answer) => {
      expect(await cliHereJson(machine, 'trust-key', ...fingerprint, '--remove')).toMatchObject({ trusted: [] });
      return answer;
    });
    expect(await refused(machine)).toEqual(invalid('unknown_key'));
    expect(existsSync(fileOf(machine))).toBe(false);
    const trusted = await cliHereJson(machine, 'trust-key', '--fingerprint', 'f'.repeat(64));
    expect(trusted).toMatchObject({ trusted: ['f'.repeat(64)] });
  });

  it('has to be a public key, or the id of one', async () => {
    const machine = await testWorkspace();
    const key = join(machine.home, 'no.pub');
    const code = async (...args: string[]) => (await cliHere(machine, 'trust-key', ...args, '--json')).json();
    expect(await code(key)).toMatchObject({ error: { code: 'NOT_FOUND' } });
    writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    expect(await code(key)).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    expect(await code()).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    expect(await code('--fingerprint', 'abc')).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    const unknown = await code('--fingerprint', 'f'.repeat(64), '--remove');
    expect(unknown).toMatchObject({ error: { code: 'KEY_NOT_FOUND' } });
  });

  it('that took the place of another is refused until it is trusted as well', async () => {
    const { server, machine } = await machines();
    await pull(machine);
    await cliHereJson(server.workspace, 'initialize-keys', '--regenerate');
    await server.publish('two');
    expect(await refused(machine)).toEqual(invalid('unknown_key'));
    expect(serverIn(machine)).toEqual(['one']);
    await cliHereJson(machine, 'trust-key', server.public_key);
    expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence: 2 });
  });
});

type Odd = (response: ServerResponse) => void;

describe('an odd answer', () => {
  const said =
    (status: number, body: unknown, headers = {}): Odd =>
    (response) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  const error = (code: string, message = 'No.', hint = '') => ({ error: { code, message, details: {}, hint } });
  const elsewhere = expect.stringContaining('Look whether the URL leads to the server');
  const endless: Odd = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"payload":"');
    const more = () => {
      while (!response.destroyed && response.write('y'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  };

  it.each<[string, Odd, object]>([
    ['that does not end', endless, { code: 'UNAVAILABLE', reason: 'server', hint: elsewhere }],
    [
      'that leads to another server',
      said(302, {}, { location: 'http://127.0.0.1:9/' }),
      { code: 'UNAVAILABLE', reason: 'server', hint: elsewhere },
    ],
    ['that calls the request wrong', said(400, error('INVALID_INPUT')), { code: 'UNAVAILABLE', reason: 'server' }],
  ])('%s is a failure of the server, and changes nothing', async (_what, odd, expected) => {
    const { way, machine } = await machines();
    await pull(machine);
    way.becomes(() => odd);
    expect(await refused(machine)).toMatchObject(expected);
    expect(serverIn(machine)).toEqual(['one']);
  });

  it('that would move the cursor is shown, and not obeyed', async () => {
    const { way, machine } = await machines();
    const evil = '\u001b[2J\u001b]0;title\u0007\u202eevil';
    way.becomes(() => said(403, error('FORBIDDEN', evil, evil)));
    const { code, stderr } = await cliHere(machine, 'pull', ...TARGET);
    expect(code).toBe(3);
    expect(stderr).toContain('evil');
    expect(stderr).not.toMatch(/[\u001b\u0007\u202e]/);
  });

  it.each<[string, unknown]>([
    ['is missing', {}],
    ['is of other things', { keys: [null, { public_key_pem: 7 }] }],
  ])('to the question for a key by its fingerprint that %s: malformed', async (_what, keys) => {
    const { way, machine } = await machines();
    await cliHereJson(machine, 'trust-key', '--fingerprint', 'f'.repeat(64));
    way.becomesAt('/v1/keys', () => keys);
    expect(await refused(machine)).toMatchObject({ code: 'SIGNATURE_INVALID', reason: 'malformed' });
    way.becomesAt('/v1/keys', (answer) => answer);
    expect(await pull(machine)).toMatchObject({ status: 'deployed' });
  });
});

/** Another server with the same signing key, and nothing published yet. The machine gets a token of it. */
async function twinOf({ workspace: { data_dir } }: Awaited<ReturnType<typeof publisher>>, machine: Workspace) {
  const workspace = await testWorkspace();
  cpSync(join(data_dir, 'keys'), join(workspace.data_dir, 'keys'), { recursive: true });
  const twin = await publisher({ workspace });
  machine.env['MCP_ORCHESTRATION_TOKEN'] = await twin.token(['config:read']);
  return twin;
}

const flipped = (base64: string) => (base64.startsWith('A') ? 'B' : 'A') + base64.slice(1);
const resigned = ({ signatures: [first], ...envelope }: Offer['envelope']): Offer['envelope'] => ({
  ...envelope,
  signatures: first ? [{ ...first, sig: flipped(first.sig) }] : [],
});

describe('the file stays as it is, and the refusal has a name', () => {
  it.each<[string, string, (offer: Offer) => unknown]>([
    ['a payload that was changed', 'digest_mismatch', (offer) => ({ ...offer, payload: payload('evil') })],
    [
      'a statement that was changed',
      'bad_signature',
      (offer) => ({
        ...offer,
        envelope: { ...offer.envelope, payload: Buffer.from('{"evil":1}').toString('base64') },
      }),
    ],
    ['a signature that was changed', 'bad_signature', (offer) => ({ ...offer, envelope: resigned(offer.envelope) })],
    [
      'a pointer whose signature was changed',
      'bad_signature',
      (offer) => ({
        ...offer,
        pointer: offer.pointer && resigned(offer.pointer),
      }),
    ],
    ['a release in the place of the pointer', 'unsupported_type', (offer) => ({ ...offer, pointer: offer.envelope })],
    ['a pointer in the place of the release', 'unsupported_type', (offer) => ({ ...offer, envelope: offer.pointer })],
    ['no pointer', 'malformed', (offer) => ({ ...offer, pointer: null })],
    ['no envelope', 'malformed', ({ envelope: _, ...offer }) => offer],
    ['no payload', 'malformed', ({ payload: _, ...offer }) => offer],
    [
      'a payload as its canonical text',
      'malformed',
      ({ payload, ...offer }) => ({ ...offer, payload: canonicalJson(payload) }),
    ],
    ['something else', 'malformed', () => ({ pointer: {}, envelope: [], payload: 'x' })],
  ])('of %s: %s', async (_what, reason, change) => {
    const { server, way, machine } = await machines();
    await pull(machine);
    const before = contentOf(machine);
    await server.publish('two');
    way.becomes(change);
    expect(await refused(machine)).toEqual(invalid(reason));
    expect(contentOf(machine)).toBe(before);
    way.becomes((offer) => offer);
    expect(await pull(machine)).toMatchObject({ status: 'deployed', sequence: 2 });
  });

  it('of a release that is older than what was accepted: rollback', async () => {
    const { server, way, machine } = await machines();
    const earlier: Offer[] = [];
    way.becomes((offer) => {
      earlier.push(offer);
      return offer;
    });
    await pull(machine);
    await server.publish('two');
    await pull(machine);
    const before = contentOf(machine);
    way.becomes(() => earlier[0]);
    expect(await refused(machine)).toEqual(invalid('rollback'));
    expect(contentOf(machine)).toBe(before);
  });

  it('of the latest release with an earlier pointer to it: rollback', async () => {
    const { server, way, machine } = await machines();
    const earlier: Offer[] = [];
    way.becomes((offer) => {
      earlier.push(offer);
      return offer;
    });
    await pull(machine);
    const { store, services } = server.app;
    const later = () => new Date(Date.now() + 16 * DAY_MS);
    await renewPointers({ store, keys: services.keys, log: services.log, now: later });
    expect(await pull(machine)).toMatchObject({ status: 'unchanged' });
    way.becomes(() => earlier[0]);
    expect(await refused(machine)).toEqual(invalid('rollback'));
  });

  it('of an older release with a newer pointer to it: rollback', async () => {
    const { server, machine } = await machines();
    await server.publish('two');
    await pull(machine);
    const twin = await twinOf(server, machine);
    await twin.publish('one');
    const { store, services } = twin.app;
    for (const days of [16, 32, 48]) {
      const later = () => new Date(Date.now() + days * DAY_MS);
      await renewPointers({ store, keys: services.keys, log: services.log, now: later });
    }
    expect(await store.pointers.get('default', 'cursor', 'default')).toMatchObject({ number: 4, sequence: 1 });
    expect(await refused(machine, '--server', twin.url)).toEqual(invalid('rollback'));
    expect(serverIn(machine)).toEqual(['two']);
  });

  it('of another release with the same number: digest_mismatch', async () => {
    const { server, machine } = await machines();
    await pull(machine);
    const before = contentOf(machine);
    const twin = await twinOf(server, machine);
    await twin.publish('another one');
    expect(await refused(machine, '--server', twin.url)).toEqual(invalid('digest_mismatch'));
    expect(contentOf(machine)).toBe(before);
  });

  it('of what another publisher signed: unknown_key', async () => {
    const { machine } = await machines();
    await pull(machine);
    const stranger = await publisher();
    for (const word of ['one', 'evil']) await stranger.publish(word);
    machine.env['MCP_ORCHESTRATION_TOKEN'] = await stranger.token(['config:read']);
    expect(await refused(machine, '--server', stranger.url)).toEqual(invalid('unknown_key'));
    expect(serverIn(machine)).toEqual(['one']);
  });

  it('of a release for another profile: wrong_target', async () => {
    const { server, way, machine } = await machines();
    const offers: Offer[] = [];
    way.becomes((offer) => {
      offers.push(offer);
      return offers[0];
    });
    await pull(machine);
    await server.publish('one', {}, 'dev');
    expect(await refused(machine, '--profile', 'dev')).toEqual(invalid('wrong_target'));
    expect(serverIn(machine)).toEqual(['one']);
  });

  it.each([
    ['a pointer', 31, {}],
    ['a release', 2, { expires_at: new Date(Date.now() - DAY_MS).toISOString() }],
  ])('of %s that has expired: expired', async (_what, days_ago, more) => {
    let at = Date.now() - 60 * DAY_MS;
    const { server, machine } = await machines({ now: () => new Date(at) });
    at = Date.now() - days_ago * DAY_MS;
    await server.publish('two', more);
    expect(await refused(machine)).toEqual(invalid('expired'));
    expect(existsSync(fileOf(machine))).toBe(false);
  });
});
