import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Readable, Writable } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { draft, W } from '../../test/contract/store-rows.ts';
import { openSqlite } from './sqlite.ts';

const root = mkdtempSync(join(tmpdir(), 'mcpo-store-'));
let files = 0;
function freshPath(): string {
  files += 1;
  return join(root, `home-${files}`, 'data', 'state.db');
}
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Children load the store, say `ready`, wait for a line, and then run `code` with `path`, `me` and `open()` at hand. */
const prelude = `
  import { once } from 'node:events';
  const { openSqlite } = await import(${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)});
  const { artifact, draft, release, W } = await import(
    ${JSON.stringify(new URL('../../test/contract/store-rows.ts', import.meta.url).href)}
  );
  const [path, me] = process.argv.slice(1);
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
`;
type Child = ChildProcessByStdio<Writable, Readable, null>;

function child(code: string, path: string, me: number, shell = ''): Child {
  const node = [process.execPath, '--input-type=module', '--eval', prelude + code, path, `${me}`];
  return spawn('sh', ['-c', `${shell} exec "$@"`, 'sh', ...node], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** Starts the children at the same moment and gives what each of them printed. */
async function race(code: string, path: string, count = 4, shell = ''): Promise<string[]> {
  const children = Array.from({ length: count }, (_, me) => child(code, path, me, shell));
  await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
  return Promise.all(
    children.map(async (process) => {
      const ended = once(process, 'close');
      let printed = '';
      process.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      process.stdin.end('go\n');
      expect(await ended).toEqual([0, null]);
      return printed;
    }),
  );
}

describe('several processes on one file', () => {
  // A server at rest waits in the poll phase, which the kernel ends and no timer does.
  it('shows a commit of another one to what wakes it, though a timer looked before', async () => {
    const code = `
      const { pbkdf2 } = await import('node:crypto');
      const { DatabaseSync } = await import('node:sqlite');
      const store = await openSqlite(path);
      const other = new DatabaseSync(path);
      const elsewhere = (work) => pbkdf2('work', 'elsewhere', 100_000, 32, 'sha256', work);
      setTimeout(() => {
        const before = store.dataVersion();
        other.exec('pragma user_version = 7');
        elsewhere(() => console.log(store.dataVersion() === before ? 'stale' : 'fresh'));
      });
    `;
    expect(await race(code, freshPath(), 1)).toEqual(['fresh\n']);
  });

  it('migrates a new file once, however many open it at the same time', async () => {
    const path = freshPath();
    const code = `
      for (let round = 0; round < 5; round++) {
        const store = await openSqlite(path + round);
        await store.tokens.count();
        await store.close();
      }`;
    await race(code, path);
    for (let round = 0; round < 5; round++) {
      const database = new DatabaseSync(path + round);
      const done = database.prepare('select name from kysely_migration').all();
      expect(done.map(({ name }) => name)).toEqual([
        '0001-initial',
        '0002-local-workflow',
        '0003-platform',
        '0004-webhooks',
        '0005-workspaces',
        '0006-pointers',
        '0007-catalog',
        '0008-clients',
        '0009-pull',
      ]);
      expect(database.prepare('pragma integrity_check').get()?.integrity_check).toBe('ok');
      database.close();
    }
  });

  it('loses none of 4 x 50 increments', async () => {
    const path = freshPath();
    const code = `
      const store = await openSqlite(path);
      for (let done = 0; done < 50; ) {
        const { revision, payload } = (await store.drafts.get(W, 'cursor', 'dev')) ?? { revision: 0, payload: { mcpServers: {} } };
        const counts = { ...payload.mcpServers.counts, [me]: (payload.mcpServers.counts?.[me] ?? 0) + 1 };
        if (await store.drafts.save(W, draft({ revision: revision + 1, payload: { mcpServers: { counts } } }))) done += 1;
      }
      await store.close();`;
    await race(code, path);
    const store = await openSqlite(path);
    const row = await store.drafts.get(W, 'cursor', 'dev');
    expect(row?.revision).toBe(200);
    expect(row?.payload.mcpServers.counts).toEqual({ 0: 50, 1: 50, 2: 50, 3: 50 });
    await store.close();
  });

  it('numbers releases without gaps while 4 processes append them', async () => {
    const path = freshPath();
    const code = `
      const store = await openSqlite(path);
      const append = () => store.transaction(async (tx) => {
        await tx.artifacts.put(W, artifact());
        const next = ((await tx.releases.latest(W, 'cursor', 'dev'))?.sequence ?? 0) + 1;
        return (await tx.releases.append(W, release(next, { version: me }))) ? next : undefined;
      });
      const taken = [];
      while (taken.length < 15) taken.push(await append());
      console.log(JSON.stringify(taken));
      await store.close();`;
    const taken = (await race(code, path)).flatMap((line): number[] => JSON.parse(line));
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    const store = await openSqlite(path);
    expect((await store.releases.latest(W, 'cursor', 'dev'))?.sequence).toBe(60);
    expect(await store.releases.bySequence(W, 'cursor', 'dev', 1)).toBeDefined();
    await store.close();
  });

  it('keeps the previous state when a writer is killed in the middle of a transaction', async () => {
    const path = freshPath();
    const store = await openSqlite(path);
    await store.drafts.save(W, draft());
    const code = `
      const store = await openSqlite(path);
      await store.transaction(async (tx) => {
        await tx.drafts.save(W, draft({ revision: 2 }));
        for (let n = 0; n < 8; n++) await tx.artifacts.put(W, artifact('big' + n, { canonical: 'x'.repeat(1024 * 1024) }));
        console.log('written');
        await new Promise(() => setInterval(() => {}, 1000));
      });`;
    const writer = child(code, path, 0);
    await once(writer.stdout, 'data');
    writer.stdin.end('go\n');
    await once(writer.stdout, 'data');
    expect(await store.drafts.get(W, 'cursor', 'dev')).toStrictEqual(draft());
    writer.kill('SIGKILL');
    await once(writer, 'close');
    expect(await store.drafts.get(W, 'cursor', 'dev')).toStrictEqual(draft());
    expect(await store.artifacts.get(W, 'big0')).toBeUndefined();
    expect(await store.drafts.save(W, draft({ revision: 2 }))).toBe(true);
    await store.close();
  });

  it('makes files of mode 0600 in directories of mode 0700 although the umask allows all', async () => {
    const path = freshPath();
    const code = `
      const { readdirSync, statSync } = await import('node:fs');
      const { dirname } = await import('node:path');
      const store = await openSqlite(path);
      const directory = dirname(path);
      const names = [...readdirSync(directory).map((name) => directory + '/' + name), directory, dirname(directory)];
      console.log(JSON.stringify(names.map((name) => [name.slice(directory.length), (statSync(name).mode & 0o777).toString(8)])));
      await store.close();`;
    const [printed = ''] = await race(code, path, 1, 'umask 000;');
    expect(JSON.parse(printed)).toEqual([
      ['/state.db', '600'],
      ['/state.db-shm', '600'],
      ['/state.db-wal', '600'],
      ['', '700'],
      ['', '700'],
    ]);
  });

  it('says WRITE_FAILED when the disk takes no more, keeps the old state and goes on', async () => {
    const path = freshPath();
    const code = `
      process.on('SIGXFSZ', () => {});
      const store = await openSqlite(path);
      await store.drafts.save(W, draft());
      const failed = await store.transaction(async (tx) => {
        await tx.drafts.save(W, draft({ revision: 2 }));
        for (let n = 0; n < 8; n++) await tx.artifacts.put(W, artifact('big' + n, { canonical: 'x'.repeat(1024 * 1024) }));
      }).catch((error) => error);
      const saved = await store.drafts.save(W, draft({ revision: 2 }));
      console.log(JSON.stringify([failed.code, failed.details, saved]));
      await store.close();`;
    const [printed = ''] = await race(code, path, 1, 'ulimit -f 4096;');
    expect(JSON.parse(printed)).toEqual(['WRITE_FAILED', { reason: 'SQLITE_IOERR' }, true]);
    const store = await openSqlite(path);
    expect((await store.drafts.get(W, 'cursor', 'dev'))?.revision).toBe(2);
    expect(await store.artifacts.get(W, 'big0')).toBeUndefined();
    await store.close();
  });
});
