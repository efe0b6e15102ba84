import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OPERATING_SYSTEMS } from '../src/clients/client.ts';
import { codecOf } from '../src/clients/codecs/codec-of.ts';
import { CLIENTS } from '../src/clients/index.ts';
import { renderPayload } from '../src/clients/render.ts';
import { pointerKeys } from '../src/core/json-value.ts';
import { Payload } from '../src/core/payload.ts';
import { spliceEntries } from '../src/core/splice/splice.ts';
import { NATIVE_FACTS } from './support/native-facts.ts';
import { entriesIn, type Native } from './support/native-file.ts';

/**
 * Each covered client has a file before (a sample) and after, for local and remote servers and for texts that are hard to write, on the three systems.
 * `UPDATE_GOLDEN=1 npx vitest run test/golden-files.test.ts` writes the files anew; the difference is then read by a person.
 */

const SAMPLES = new URL('fixtures/client-samples/', import.meta.url).pathname;
const GOLDEN = new URL('golden/files/', import.meta.url).pathname;
const COVERED = CLIENTS.filter(({ dialect }) => dialect !== null);
const LAUNCHER = { linux: '/home/dev/bin/l', macos: '/Users/dev/bin/l', windows: 'C:\\Users\\dev\\bin\\l.cmd' };

const payloadOf = (kind: string) => Payload.parse(JSON.parse(readFileSync(`${GOLDEN}${kind}.payload.json`, 'utf8')));

const cases = COVERED.flatMap((client) =>
  ['stdio', 'remote', 'hard'].flatMap((kind) =>
    OPERATING_SYSTEMS.map((os) => ({ client, kind, os, id: client.client_id })),
  ),
);

test('every client that can be written has nine files', () => {
  expect(cases).toHaveLength(37 * 9);
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

describe('texts that are hard to write', () => {
  const { mcpServers } = JSON.parse(readFileSync(`${GOLDEN}hard.payload.json`, 'utf8'));
  const each = NATIVE_FACTS.flatMap((facts) => OPERATING_SYSTEMS.map((os) => ({ facts, os, id: facts.id })));

  test.each(each)('are read in the file of $id on $os as they were meant', ({ facts, os, id }) => {
    const file = globSync(`${id}.hard.${os}.after.*`, { cwd: GOLDEN })[0] ?? '';
    const entries = entriesIn(facts, readFileSync(GOLDEN + file, 'utf8'));
    const { stdio, expands, finds_batch_files } = facts;
    const wordsOf = (entry: Native = {}) => {
      const listed = entry[stdio.command];
      // Mistral Vibe splits the command: it stands in quotes.
      const command = id === 'mistral-vibe' ? String(listed).replaceAll("'", '') : listed;
      return stdio.args === undefined ? (listed as string[]) : [command, ...(entry[stdio.args] as string[])];
    };
    const plain = mcpServers['hard-plain'];
    expect(wordsOf(entries['hard-plain'])).toEqual([plain.command, ...plain.args]);
    expect(entries['hard-plain']?.[stdio.env]).toEqual(plain.env);

    const through = os === 'windows' && finds_batch_files !== true ? ['cmd', '/c'] : [];
    const launched = [...through, LAUNCHER[os], 'exec-server'];
    const batch = mcpServers['hard-batch'];
    const reads = expands === 'shell' || expands.startsWith('dollar') ? expands !== 'dollar-brace' : false;
    const wanted = reads ? launched : [...through, batch.command, ...batch.args];
    expect(wordsOf(entries['hard-batch']).slice(0, wanted.length)).toEqual(wanted);

    // What some clients would fill in or run stands only in files of clients that do neither.
    const expanded = mcpServers['hard-expanded'];
    const literal = [expanded.command, ...expanded.args.map((text: string) => text.replaceAll('$${', () => '${'))];
    const isLiteral = expands === 'nothing';
    const said = isLiteral ? literal : launched;
    expect(wordsOf(entries['hard-expanded']).slice(0, said.length)).toEqual(said);
  });
});
