import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { ownRedis } from '../../../test/support/redis.ts';
import { namespaceOf, openRedis, type SharedRedis } from './redis.ts';

const found = await ownRedis('what is shared over Redis');
const server = found as NonNullable<typeof found>;
afterAll(() => found?.remove());

describe.skipIf(found === undefined)('Redis', () => {
  const ID = 'w:a';
  const lines: string[] = [];
  const note = (kind: string) => (fields: object, message: string) =>
    void lines.push(`${kind} ${message} ${JSON.stringify(fields)}`);
  const log = { info: note('info'), warn: note('warn') };
  afterEach(async () => {
    lines.length = 0;
    await server.flush();
  });

  async function open({ namespace = 'one', url = server.url } = {}): Promise<SharedRedis> {
    const redis = await openRedis({ url, namespace, log });
    onTestFinished(() => redis.close());
    return redis;
  }
  async function openUp(settings = {}): Promise<SharedRedis> {
    const redis = await open(settings);
    redis.start();
    await expect.poll(() => redis.up(), { interval: 5 }).toBe(true);
    return redis;
  }
  const took = async (work: () => unknown) => {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  };

  it('is connected to when it is first used, which does not wait for it', async () => {
    const redis = await open();
    await sleep(30);
    expect(redis.up()).toBe(false);
    expect(redis.texts.get(ID)).toBeUndefined();
    await expect.poll(() => redis.up()).toBe(true);
    expect(lines).toEqual(['info Redis is in use {}']);
  });

  it('keeps texts for an hour at most, and none that is longer than a mebibyte', async () => {
    const redis = await openUp();
    redis.texts.put(ID, 'x'.repeat(1024 * 1024));
    redis.texts.put('w:b', 'x'.repeat(1024 * 1024 + 1));
    await expect.poll(async () => (await redis.texts.get(ID))?.length).toBe(1024 * 1024);
    expect(await redis.texts.get('w:b')).toBeUndefined();
    const keys = await server.as(async (it) => {
      const names = await it.keys('*');
      return Promise.all(names.map(async (name) => [name, await it.ttl(name)]));
    });
    expect(keys).toEqual([['mcpo:one:text:w:a', expect.closeTo(3600, -1)]]);
  });

  it('reads no more of a text that somebody else made endless', async () => {
    const redis = await openUp();
    await server.as((it) => it.setrange('mcpo:one:text:w:a', 64 * 1024 * 1024, 'x'));
    expect((await redis.texts.get(ID))?.length).toBe(1024 * 1024 + 1);
  });

  it('counts together, in a window that ends, and gives a count without an end one', async () => {
    const [one, two] = [await openUp(), await openUp()];
    const counted = [await one.count('k', 400), await two.count('k', 400), await one.count('k', 400)];
    expect(counted.map((it) => it?.count)).toEqual([1, 2, 3]);
    expect(counted[2]?.left_ms).toBeLessThanOrEqual(400);
    await sleep(450);
    expect((await two.count('k', 400))?.count).toBe(1);
    const [key = ''] = await server.as((it) => it.keys('*'));
    expect(key).toMatch(/^mcpo:one:count:[\da-f]{16}$/);
    await server.as((it) => it.set(key, '7'));
    expect(await one.count('k', 400)).toEqual({ count: 8, left_ms: 400 });
  });

  it('keeps installations apart, in texts, counts and news', async () => {
    const [one, other] = [await openUp(), await openUp({ namespace: namespaceOf('another database') })];
    let heard = 0;
    other.hear(() => {
      heard += 1;
    });
    one.texts.put(ID, 'text');
    await one.count('k', 1_000);
    one.tell();
    await expect.poll(() => one.texts.get(ID)).toBe('text');
    expect(await other.texts.get(ID)).toBeUndefined();
    expect((await other.count('k', 1_000))?.count).toBe(1);
    expect(heard).toBe(0);
  });

  it('brings news to the others and not back, and a thousand at once as few', async () => {
    const [one, two] = [await openUp(), await openUp()];
    const heard = { one: 0, two: 0 };
    one.hear(() => {
      heard.one += 1;
    });
    two.hear(() => {
      heard.two += 1;
    });
    for (let n = 0; n < 1_000; n += 1) one.tell();
    await expect.poll(() => heard.two).toBe(2);
    await sleep(50);
    expect(heard).toEqual({ one: 0, two: 2 });
  });

  it('that stops and starts again is told of once each, and fails nobody meanwhile', async () => {
    const redis = await openUp();
    redis.texts.put(ID, 'text');
    await server.stop();
    await expect.poll(() => redis.up(), { interval: 5 }).toBe(false);
    for (let n = 0; n < 100; n += 1) {
      expect(await redis.texts.get(ID)).toBeUndefined();
      expect(await redis.count('k', 1_000)).toBeUndefined();
      redis.tell();
    }
    await sleep(500);
    await server.start();
    await expect.poll(() => redis.up(), { timeout: 5_000 }).toBe(true);
    expect((await redis.count('k', 1_000))?.count).toBe(1);
    expect(lines).toEqual([
      'info Redis is in use {}',
      expect.stringMatching(
        /^warn Redis is out of reach; the server goes on without it \{"reason":"(connection_lost|ECONN\w+)"\}$/,
      ),
      'info Redis is in use {}',
    ]);
  });

  it('that neither answers nor goes away keeps one question waiting for a moment, and then nobody', async () => {
    const redis = await openUp();
    server.freeze();
    onTestFinished(() => server.goOn());
    expect(await took(async () => expect(await redis.texts.get(ID)).toBeUndefined())).toBeLessThan(400);
    expect(
      await took(async () => {
        for (let n = 0; n < 100; n += 1) await redis.texts.get(ID);
      }),
    ).toBeLessThan(50);
    await expect.poll(() => redis.up(), { timeout: 5_000 }).toBe(false);
    server.goOn();
    await expect.poll(() => redis.up(), { timeout: 8_000 }).toBe(true);
    redis.texts.put(ID, 'text');
    await expect.poll(() => redis.texts.get(ID)).toBe('text');
  });

  it('that is not there, or lets nobody in, is told of once, with a word and without the password', async () => {
    const locked = await ownRedis('a Redis with a password', '--requirepass', 'made-up-right');
    onTestFinished(async () => locked?.remove());
    const place = new URL(locked?.url ?? '').host;
    for (const [url, reason] of [
      ['redis://127.0.0.1:1', 'ECONNREFUSED'],
      [`redis://:made-up-wrong@${place}`, 'WRONGPASS'],
      [`redis://${place}`, 'NOAUTH'],
    ] as const) {
      lines.length = 0;
      const redis = await open({ url });
      redis.start();
      await sleep(400);
      expect(lines).toEqual([`warn Redis is out of reach; the server goes on without it {"reason":"${reason}"}`]);
      await redis.close();
    }
    const right = await openUp({ url: `redis://:made-up-right@${place}/3` });
    right.texts.put(ID, 'text');
    await expect.poll(() => right.texts.get(ID)).toBe('text');
  });

  it('that refuses a command is told of once, and goes without', async () => {
    const redis = await openUp();
    const key = await (async () => {
      await redis.count('k', 1_000);
      return (await server.as((it) => it.keys('*')))[0] ?? '';
    })();
    await server.as((it) => it.multi().del(key).lpush(key, 'a').lpush('mcpo:one:text:w:a', 'a').exec());
    for (const _ of [1, 2, 3]) {
      expect(await redis.count('k', 1_000)).toBeUndefined();
      expect(await redis.texts.get(ID)).toBeUndefined();
    }
    expect(redis.up()).toBe(true);
    expect(lines.slice(1)).toEqual([
      'warn Redis refuses a command; the server goes on without it {"reason":"WRONGTYPE"}',
    ]);
    redis.texts.put(ID, 'text');
    await expect.poll(() => redis.texts.get(ID)).toBe('text');
  });
});
