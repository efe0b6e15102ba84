import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { findPostgres, freshDatabase } from '../support/postgres.ts';
import { receiver } from '../support/receivers.ts';
import { openEvents } from '../support/sse.ts';
import { type Fleet, type Replica, startBalancer, startFleet } from './fleet.ts';

const found = await findPostgres();
const server = 'url' in found ? found.url : '';
if ('missing' in found) process.stderr.write(`SKIPPED replicas: ${found.missing}\n`);

/** Seconds of load: 60 in the long form. */
const SECONDS = Number(process.env['REPLICA_SECONDS'] ?? 15);
const KILL_EVERY_MS = 5_000;
const WRITERS = 8;
const WATCHERS = 6;

async function fleetOf(count: number, place: string): Promise<Fleet> {
  const database = await freshDatabase(server);
  const fleet = await startFleet(count, {
    MCP_ORCHESTRATION_DATABASE_URL: database.url,
    MCP_ORCHESTRATION_WEBHOOK_ALLOW: place,
  });
  onTestFinished(async () => {
    await fleet.end();
    await database.drop();
  });
  return fleet;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Sends it to one replica after the other until one answers with something else than "not now". */
async function insist(fleet: Fleet, method: string, path: string, body?: object): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${fleet.token}`,
    'idempotency-key': randomUUID(),
    ...(body && { 'content-type': 'application/json' }),
  };
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const { server } = fleet.replicas[attempt % fleet.replicas.length] as Replica;
    try {
      if (server === undefined) throw new Error('down');
      const response = await fetch(server.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      const answer = { status: response.status, body: (await response.json()) as Answer['body'] };
      // 409 IDEMPOTENCY_CONFLICT: the one that was killed may have it in work until its lease ends.
      if (answer.status !== 503 && answer.status !== 409) return answer;
    } catch {
      // Refused or cut off: whether it was carried out is not known, and the key keeps it from being carried out twice.
    }
    await sleep(50);
  }
  throw new Error(`${method} ${path}: no replica took it`);
}

/** Reads the stream of events of one replica after the other, going on where the last one ended. */
function watch(fleet: Fleet, start: number) {
  const seen: Event[] = [];
  let stopped = false;
  let close = () => {};
  const run = async () => {
    for (let at = start; !stopped; at += 1) {
      const { server } = fleet.replicas[at % fleet.replicas.length] as Replica;
      const last = seen.at(-1)?.id ?? '0000000000000000';
      const headers = { authorization: `Bearer ${fleet.token}`, 'last-event-id': last };
      const source = server && (await openEvents(`${server.url}/v1/events`, headers, { heard }).catch(() => undefined));
      close = () => source?.close();
      if (stopped) close();
      await (source?.ended ?? sleep(50));
    }
  };
  const heard = ({ event, data }: { event: string; data: string }) => {
    if (event === 'resync') throw new Error('a range of events was lost');
    seen.push(JSON.parse(data));
  };
  const running = run();
  return {
    seen,
    async stop() {
      stopped = true;
      close();
      await running;
    },
  };
}

describe.skipIf(server === '')('replicas on one PostgreSQL', () => {
  it(`${SECONDS} s of mixed load, one killed and one restarted every 5 s: nothing acknowledged is lost, no number twice, no gap`, {
    timeout: (SECONDS + 120) * 1_000,
  }, async () => {
    const target = await receiver();
    const fleet = await fleetOf(3, target.place);
    const hook = await insist(fleet, 'POST', '/v1/webhooks', { url: target.url, events: ['config.published'] });
    expect(hook.status).toBe(201);
    const watchers = Array.from({ length: WATCHERS }, (_, n) => watch(fleet, n));
    const until = performance.now() + SECONDS * 1_000;
    const acknowledged: { path: string; sequence: number; artifact_id: string }[] = [];
    const reads = { good: 0, other: 0 };
    let changes = 0;

    const write = async (n: number) => {
      // Two writers for each profile, so that they meet.
      const path = `/v1/config/cursor/${['default', 'dev', 'staging', 'prod'][n % 4]}`;
      for (let round = 0; performance.now() < until; round += 1) {
        const payload = { mcpServers: { ours: { command: 'node', args: [`${n}`, `${round}`] } } };
        const published = await insist(fleet, 'POST', `${path}/publish`, { payload });
        expect([200, 201], JSON.stringify(published.body)).toContain(published.status);
        const { sequence, artifact_id } = published.body as { sequence: number; artifact_id: string };
        acknowledged.push({ path, sequence, artifact_id });
        const draft = await insist(fleet, 'PUT', `${path}/draft`, { payload });
        if (draft.status === 200) changes += 1;
        const read = await insist(fleet, 'GET', `${path}?artifact_id=${artifact_id}`);
        reads[read.status === 200 && read.body['artifact_id'] === artifact_id ? 'good' : 'other'] += 1;
      }
    };
    const disturb = async () => {
      let kills = 0;
      for (let n = 0; performance.now() + KILL_EVERY_MS < until; n += 1) {
        await sleep(KILL_EVERY_MS);
        const [killed, restarted] = [0, 1].map((by) => fleet.replicas[(n + by) % 3] as Replica);
        await killed?.server?.stop('SIGKILL');
        if (killed) killed.server = undefined;
        const stopping = restarted?.server;
        if (restarted) restarted.server = undefined;
        expect((await stopping?.stop('SIGTERM'))?.code).toBe(0);
        await Promise.all([killed?.start(), restarted?.start()]);
        kills += 1;
      }
      return kills;
    };
    const [kills] = await Promise.all([disturb(), ...Array.from({ length: WRITERS }, (_, n) => write(n))]);

    // Everything that was acknowledged is there, once, and the numbers have no gap.
    const numbers = new Map<string, number[]>();
    for (const path of new Set(acknowledged.map((one) => one.path))) {
      const releases: { sequence: number; artifact_id: string }[] = [];
      for (let cursor = ''; ; ) {
        const { body } = await insist(fleet, 'GET', `${path}/history?limit=200${cursor && `&cursor=${cursor}`}`);
        releases.push(...(body['releases'] as typeof releases));
        if (typeof body['next_cursor'] !== 'string') break;
        cursor = body['next_cursor'];
      }
      const sequences = releases.map(({ sequence }) => sequence).reverse();
      expect(sequences).toEqual(Array.from(sequences, (_, index) => index + 1));
      numbers.set(path, sequences);
      const stored = new Map(releases.map(({ sequence, artifact_id }) => [sequence, artifact_id]));
      const lost = acknowledged.filter((one) => one.path === path && stored.get(one.sequence) !== one.artifact_id);
      expect(lost).toEqual([]);
    }
    const releases = [...numbers.values()].reduce((sum, { length }) => sum + length, 0);

    // Each watcher has seen every event from the first on, in order, once.
    const newest = async () => {
      const { body } = await insist(fleet, 'GET', '/v1/changes?since=0000000000000000');
      return body;
    };
    await newest();
    const last = Math.max(...watchers.map(({ seen }) => Number(seen.at(-1)?.id ?? 0)));
    await expect.poll(() => watchers.map(({ seen }) => Number(seen.at(-1)?.id ?? 0))).toEqual(watchers.map(() => last));
    for (const { seen } of watchers) {
      expect(seen.map(({ id }) => Number(id))).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    }
    const published = watchers[0]?.seen.filter(({ type }) => type === 'config.published') ?? [];
    expect(published).toHaveLength(releases);

    // Every release reached the webhook, at least once.
    const wanted = new Set(published.map(({ id }) => id));
    const delivered = () => new Set(target.received.map(({ event }) => event.id));
    await expect.poll(() => wanted.difference(delivered()).size, { timeout: 60_000 }).toBe(0);
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    process.stdout.write(
      `replicas: ${SECONDS} s, ${kills} killed and ${kills} restarted, ${acknowledged.length} publishes and ${changes} drafts acknowledged, ` +
        `${releases} releases, ${last} events to each of ${WATCHERS} watchers, ${target.received.length} deliveries of ${wanted.size}, ` +
        `${reads.good} reads good, ${reads.other} not\n`,
    );
    expect(reads.other).toBe(0);
    expect(kills).toBeGreaterThan(0);
  });

  it('a rolling restart behind a balancer fails no request', { timeout: 120_000 }, async () => {
    const fleet = await fleetOf(3, '127.0.0.1:1');
    const balancer = await startBalancer(fleet.replicas);
    onTestFinished(() => balancer.end());
    const headers = { authorization: `Bearer ${fleet.token}`, 'content-type': 'application/json' };
    const statuses = new Map<string, number>();
    let stopping = false;
    const client = async (n: number) => {
      for (let round = 0; !stopping; round += 1) {
        const write = round % 4 === 0;
        const body = JSON.stringify({
          payload: { mcpServers: { ours: { command: 'node', args: [`${n}-${round}`] } } },
        });
        const path = write ? `/v1/config/vscode/c${n}/draft` : '/v1/servers';
        const request = write ? { method: 'PUT', headers, body } : { headers };
        const outcome = await fetch(balancer.url + path, request).then(
          async (response) => {
            await response.arrayBuffer();
            return `${response.status}`;
          },
          (error: Error) => `${error.message}: ${error.cause}`,
        );
        statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      }
    };
    for (let n = 0; n < 8; n += 1) {
      const made = await insist(fleet, 'POST', '/v1/clients/vscode/profiles', { profile_id: `c${n}` });
      expect(made.status).toBe(201);
    }
    const clients = Array.from({ length: 8 }, (_, n) => client(n));
    for (const replica of fleet.replicas) {
      await sleep(500);
      const { server } = replica;
      const stopped = await server?.stop('SIGTERM');
      expect(stopped?.code).toBe(0);
      await replica.start();
    }
    await sleep(500);
    stopping = true;
    await Promise.all(clients);
    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(`rolling restart: ${total} requests, ${JSON.stringify([...statuses])}\n`);
    expect([...statuses.keys()]).toEqual(['200']);
    expect(total).toBeGreaterThan(100);
  });
});
