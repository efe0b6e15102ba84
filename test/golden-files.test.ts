import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OPERATING_SYSTEMS } from '../src/clients/client.ts';
import { codecOf } from '../src/clients/codecs/codec-of.ts';
import { CLIENTS } from '../src/clients/index.ts';
import { renderPayload } from '../src/clients/render.ts';
import { pointerKeys } from '../src/core/json-value.ts';
import { Payload } from '../src/core/payload.ts';
import { spliceEntries } from '../src/core/splice/splice.ts';

/**
 * Each covered client has a file before (a sample) and after, for local and remote servers on the three systems.
 * `UPDATE_GOLDEN=1 npx vitest run test/golden-files.test.ts` writes the files anew; the difference is then read by a person.
 */

const SAMPLES = new URL('fixtures/client-samples/', import.meta.url).pathname;
const GOLDEN = new URL('golden/files/', import.meta.url).pathname;
const COVERED = CLIENTS.filter(({ dialect }) => dialect !== null);
const LAUNCHER = { linux: '/home/dev/bin/l', macos: '/Users/dev/bin/l', windows: 'C:\\Users\\dev\\bin\\l.cmd' };

const payloadOf = (kind: string) => Payload.parse(JSON.parse(readFileSync(`${GOLDEN}${kind}.payload.json`, 'utf8')));

const cases = COVERED.flatMap((client) =>
  ['stdio', 'remote'].flatMap((kind) => OPERATING_SYSTEMS.map((os) => ({ client, kind, os, id: client.client_id }))),
);

test('every client that can be written has six files', () => {
  expect(cases).toHaveLength(37 * 6);
  expect(globSync('*.after.*', { cwd: GOLDEN })).toHaveLength(cases.length);
});

describe('before and after', () => {
  test.each(cases)('$id, $kind servers on $os', async ({ client, kind, os, id }) => {
    const sample = globSync(`${id}.*`, { cwd: SAMPLES })[0] ?? '';
    const [scope] = client.scopes;
    const codec = scope && (await codecOf(scope));
    if (codec === undefined || typeof scope?.pointer !== 'string') throw new Error('no codec');
    const before = readFileSync(SAMPLES + sample, 'utf8');
    const rendering = renderPayload(payloadOf(kind), client, { os, launcher: LAUNCHER[os] });
    expect(rendering.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const set = rendering.entries.map(([name, value]) => ({ name, value }));
    const pointer = pointerKeys(scope.pointer);
    const after = spliceEntries(codec, before, pointer, { set, remove: [] }, null);
    const file = `${GOLDEN}${id}.${kind}.${os}.after.${sample.split('.').at(-1)}`;
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, after.text ?? '');
    expect(after.text).toBe(readFileSync(file, 'utf8'));
    const names = set.map(({ name }) => name);
    expect(spliceEntries(codec, after.text, pointer, { set: [], remove: names }, after.glue).text).toBe(before);
  });
});
