import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPayload } from '../src/clients/render.ts';
import { Payload } from '../src/core/payload.ts';
import { type CorpusFile, corpus, placeIn, putFile } from './support/corpus.ts';
import { type OpenHome, openHome } from './support/open-home.ts';
import { entriesIn, harmsOf, repeatedIn } from './witness/witness.ts';

/**
 * Every file of test/golden/corpus through the real operations, at the place where its client has it: add, update,
 * remove, take over what somebody else wrote, and undo. A witness that shares no code with the writer looks at each step.
 */

let product: OpenHome;
beforeAll(async () => {
  product = await openHome();
});
afterAll(() => product.close());

const call: OpenHome['call'] = (tool, input) => product.call(tool, input);

type Servers = Record<string, object>;
const FIRST: Servers = {
  'our-files': { command: 'node', args: ['/opt/files.js', 'é "quoted" \\ # // x'], env: { LEVEL: 'warn' } },
  'our-feed': { type: 'http', url: 'https://feed.example.com/mcp', headers: { 'X-Team': 'docs' } },
};
const SECOND: Servers = {
  'our-files': { command: 'node', args: ['/opt/files.js', 'other', 'more'], env: { LEVEL: 'info', AT: 'noon' } },
  'our-feed': { type: 'http', url: 'https://feed.example.com/v2/mcp' },
};
const OURS = Object.keys(FIRST);

/** Releases by what is in them: the same one serves all files of a client. */
const releases = new Map<string, Promise<string>>();
function release(client_id: string, mcpServers: Servers): Promise<string> {
  const key = JSON.stringify([client_id, mcpServers]);
  const known = releases.get(key);
  if (known) return known;
  const made = call('publish_config', { client_id, payload: { mcpServers }, allow_empty: true });
  const id = made.then((published) => String(published['artifact_id']));
  releases.set(key, id);
  return id;
}

/** A file in its place, with what may be done to it. */
function settle(file: CorpusFile) {
  const { client: client_id, pointer } = file;
  const { project, path, input, of } = placeIn(product.home, file);
  mkdirSync(project, { recursive: true });
  const before = file.bytes(project);
  putFile(path, before);
  const wanted = (servers: Servers) => {
    const target = { os: 'linux', launcher: '/l', pointer } as const;
    return new Map(renderPayload(Payload.parse({ mcpServers: servers }), file.definition, target).entries);
  };
  return {
    path,
    before,
    of,
    now: () => readFileSync(path),
    deploy: async (servers: Servers, more: object = {}) => {
      const deployed = await call('deploy_config', {
        ...input,
        artifact_id: await release(client_id, servers),
        ...more,
      });
      expect(deployed['config_path']).toBe(path);
    },
    undo: () => call('undo_deployment', { client_id }),
    wanted,
    /** Fields of an entry that belong to the client: they stay, unless the release says them. */
    own: file.definition.state_fields,
  };
}
type Settled = ReturnType<typeof settle>;

/** The file as it has to be: these entries, and everything else as in `before`, to the byte. */
function expectWritten(
  { of, now, wanted, own }: Settled,
  before: Uint8Array,
  owned: readonly string[],
  servers: Servers,
) {
  const after = now();
  const text = `${Buffer.from(before).toString('utf8')}\n---\n${after.toString('utf8')}`;
  expect(harmsOf({ ...of, before, after, owned }), text).toEqual([]);
  const [old, entries, expected] = [entriesIn(before, of), entriesIn(after, of), wanted(servers)];
  for (const name of owned) {
    const value = expected.get(name);
    const kept = Object.entries(old.get(name) ?? {}).filter(([field]) => own.includes(field));
    expect(entries.get(name), text).toEqual(value && { ...Object.fromEntries(kept), ...value });
  }
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'written';
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

const FILES = corpus();

test('the corpus has at least 150 files over all formats, each listed once', () => {
  const folder = new URL('golden/corpus/', import.meta.url).pathname;
  const stored = readdirSync(folder).filter((name) => name !== 'index.json');
  expect(stored.length).toBeGreaterThanOrEqual(150);
  const listed = FILES.map(({ file }) => file).filter((file) => !file.includes('thousand-projects'));
  expect(listed).toEqual(stored.toSorted());
  expect([...new Set(FILES.map(({ format }) => format))].toSorted()).toEqual(
    ['json', 'jsonc', 'toml', 'toml list', 'yaml', 'yaml list'].toSorted(),
  );
  // Every client that can be written.
  expect(new Set(FILES.map(({ client }) => client)).size).toBe(37);
});

/** Runs a test on the file in its place. One that fails leaves nothing in force for the next one. */
async function inPlace(file: CorpusFile, body: (settled: Settled) => Promise<void>) {
  const settled = settle(file);
  try {
    await body(settled);
  } catch (error) {
    rmSync(settled.path, { force: true });
    await settled.deploy({}, { on_drift: 'overwrite' });
    throw error;
  } finally {
    rmSync(settled.path, { force: true });
  }
}

describe.each(FILES.filter(({ refused }) => refused !== undefined))('$file ($special)', (file) => {
  test('is refused by name, and not touched', () =>
    inPlace(file, async ({ deploy, now, before }) => {
      expect(await refusal(deploy(FIRST))).toBe(file.refused);
      expect(now().equals(before)).toBe(true);
    }));
});

/** The first name there that a payload can have. */
function takeable({ before, of }: Settled): string | undefined {
  if (before.length === 0) return undefined;
  const repeated = repeatedIn(before, of);
  return [...entriesIn(before, of).keys()].find(
    (name) => /^[a-z0-9][a-z0-9-]{0,63}$/.test(name) && name !== 'constructor' && !repeated.has(name),
  );
}

/** The ordinary run takes entries over in a third of the files, and wherever that is refused; the long run in all. */
const isLong = process.env['PROPERTY_RUNS'] !== undefined;

describe.each(FILES.filter(({ refused }) => refused === undefined))('$file ($special)', (file) => {
  test('takes add, update, remove and undo without a byte of others', () =>
    inPlace(file, async (settled) => {
      const { before, now, path, deploy, undo } = settled;
      await deploy(FIRST);
      const added = now();
      expectWritten(settled, before, OURS, FIRST);
      await deploy(SECOND);
      expectWritten(settled, before, OURS, SECOND);
      // Somebody wrote in between: then the entries alone go back, and his line end stays.
      const end = added.toString('utf8').includes('\r\n') ? '\r\n' : '\n';
      putFile(path, Buffer.concat([now(), Buffer.from(end)]));
      await undo();
      expect(now().toString('utf8')).toBe(added.toString('utf8') + end);
      putFile(path, added);
      await deploy({});
      expectWritten(settled, before, OURS, {});
      expect(now().toString('utf8')).toBe(before.toString('utf8'));
      await undo();
      expect(now().equals(added)).toBe(true);
      await undo();
      expect(now().equals(before)).toBe(true);
    }));

  if (!isLong && file.update_refused === undefined && FILES.indexOf(file) % 3 > 0) return;
  test('lets an entry of somebody else be taken over, changed, removed, and given back', () =>
    inPlace(file, async (settled) => {
      const { before, now, deploy, undo } = settled;
      const name = takeable(settled);
      if (name === undefined) return;
      const servers: Servers = { [name]: { command: 'node', args: ['/opt/ours.js'] } };
      expect(await refusal(deploy(servers, { adopt: [name] }))).toBe(file.update_refused ?? 'written');
      if (file.update_refused !== undefined) {
        expect(now().equals(before)).toBe(true);
        return;
      }
      const taken = now();
      expectWritten(settled, before, [name], servers);
      await deploy({});
      expectWritten(settled, before, [name], {});
      await undo();
      expect(now().equals(taken)).toBe(true);
      await undo();
      expect(now().equals(before)).toBe(true);
    }));
});

test('what was remembered of a file is forgotten once nothing of ours is in it any more', async () => {
  const file = FILES.find((one) => one.file === 'goose.no-value.yaml');
  if (file === undefined) throw new Error('no such file');
  await inPlace(file, async ({ path, deploy, now }) => {
    await deploy(FIRST);
    // Somebody writes the file anew, without our entries, and a release without servers finds nothing to take out.
    putFile(path, Buffer.from('extensions:\n  docs:\n    cmd: npx\n'));
    await deploy({}, { on_drift: 'overwrite' });
    await deploy({ docs: { command: 'node', args: [] } }, { adopt: ['docs'] });
    await deploy({});
    // `extensions:` alone would be null: so it was in the other file, and not in this one.
    expect(now().toString('utf8')).toBe('extensions: {}\n');
  });
});
