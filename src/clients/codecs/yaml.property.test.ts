import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type OddYaml, oddYaml, YAML_NAMES, YAML_POINTER, yamlEntry } from '../../../test/arbitraries-yaml.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { isObject } from '../../core/splice/equality.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import { yamlCodec, yamlListCodec } from './yaml.ts';

// Each takes about fifty times as long as one of JSON.
const numRuns = Number(process.env.PROPERTY_RUNS ?? 120);
const timeout = 30_000 + numRuns * 100;

const newEntries = fc.uniqueArray(fc.tuple(fc.constantFrom(...YAML_NAMES), yamlEntry), {
  selector: ([name]) => name,
  minLength: 1,
  maxLength: 3,
});
type New = [string, JsonValue][];
type Raw = { name: string; value: JsonValue; raw?: string };
const codecOf = ({ list }: OddYaml) => (list ? yamlListCodec : yamlCodec);
const splice = (
  document: OddYaml,
  text: string,
  set: readonly (readonly [string, JsonValue])[] | Raw[],
  remove: string[] = [],
  glue: Parameters<typeof spliceEntries>[4] = null,
) => {
  const wanted = set.map((entry) => ('name' in entry ? entry : { name: entry[0], value: entry[1] }));
  return spliceEntries(codecOf(document), text, YAML_POINTER, { set: wanted, remove }, glue);
};

/** By the library's own reading, aliases and merge keys resolved. */
const read = (text: string): unknown =>
  parse(text.replace(/^\uFEFF/, ''), { merge: true, uniqueKeys: false, logLevel: 'silent', mapAsMap: true });
const asMap = (value: unknown): Map<unknown, unknown> => (value instanceof Map ? value : new Map());

function serversOf({ list }: OddYaml, text: string): Map<unknown, unknown> {
  const at = asMap(asMap(read(text)).get('mcp')).get('servers');
  if (!list) return asMap(at);
  const items = Array.isArray(at) ? at : [];
  return new Map(
    items.map((item, i) => [typeof asMap(item).get('name') === 'string' ? asMap(item).get('name') : i, item]),
  );
}

/** Everything but the named entries, and without containers that hold nothing else. */
function foreignOf(document: OddYaml, text: string, names: readonly string[]): unknown {
  const all = asMap(read(text));
  const mcp = asMap(all.get('mcp'));
  const left = [...serversOf(document, text)].filter(([name]) => typeof name !== 'string' || !names.includes(name));
  const rest = [...mcp].filter(([key]) => key !== 'servers');
  const servers = document.list ? left.map(([, item]) => item) : left;
  const inner = left.length === 0 ? rest : [...rest, ['servers', servers]];
  return [[...all].filter(([key]) => key !== 'mcp'), inner];
}

/** Maps as pairs in order of their keys: where a member stands does not matter. */
const pairs = (all: Iterable<[unknown, unknown]>) =>
  [...all].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)).map(([key, value]) => [String(key), value]);
const plain = (value: unknown, { list }: OddYaml): unknown => {
  const item = asMap(value);
  const own = list ? new Map([...item].filter(([key]) => key !== 'name')) : item;
  return JSON.parse(JSON.stringify(own, (_key, it) => (it instanceof Map ? pairs(it) : it)));
};
const wanted = (value: JsonValue): unknown =>
  JSON.parse(JSON.stringify(value, (_key, it) => (isObject(it) ? pairs(Object.entries(it)) : it)));

/** Layouts that are left alone say so; that is no failure of a property, but it must be by name. */
function refusedByName(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
  expect(error).toMatchObject({ code: 'CLIENT_FILE_UNPARSABLE', details: { line: expect.any(Number) } });
}

test('new entries read back as wanted, and all else reads as before', { timeout }, () => {
  let written = 0;
  fc.assert(
    fc.property(oddYaml, newEntries, (document, entries: New) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      const names = fresh.map(([name]) => name);
      try {
        const text = splice(document, document.text, fresh).text ?? '';
        const servers = serversOf(document, text);
        for (const [name, value] of fresh) expect(plain(servers.get(name), document)).toEqual(wanted(value));
        expect(foreignOf(document, text, names)).toEqual(foreignOf(document, document.text, names));
        written += 1;
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
  expect(written).toBeGreaterThan(numRuns * 0.6);
});

test('taking out what was put in gives back the original bytes', { timeout }, () => {
  fc.assert(
    fc.property(oddYaml, newEntries, fc.boolean(), (document, entries: New, singly) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      const names = fresh.map(([name]) => name);
      let now: ReturnType<typeof splice>;
      try {
        now = splice(document, document.text, fresh);
      } catch (error) {
        refusedByName(error);
        return;
      }
      for (const remove of singly ? names.map((name) => [name]) : [names]) {
        now = splice(document, now.text ?? '', [], remove, now.glue);
      }
      expect(now).toEqual({ text: document.text, glue: null });
    }),
    { numRuns },
  );
});

test('a second splice of the same change alters nothing', { timeout }, () => {
  fc.assert(
    fc.property(oddYaml, newEntries, (document, entries: New) => {
      const gone = document.names.filter((name) => !entries.some(([one]) => one === name));
      try {
        const once = splice(document, document.text, entries, gone);
        expect(splice(document, once.text ?? '', entries, gone, once.glue)).toEqual(once);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});

test('an update changes the bytes of its entry, not one before or behind it', { timeout }, () => {
  let written = 0;
  fc.assert(
    fc.property(oddYaml, yamlEntry, fc.nat(), (document, value, pick) => {
      const name = document.names[pick % Math.max(document.names.length, 1)];
      if (name === undefined) return;
      try {
        const text = splice(document, document.text, [[name, value]]).text ?? '';
        const at = document.pieces.findIndex(({ owner }) => owner === name);
        const side = (from: number, to?: number) =>
          document.pieces
            .slice(from, to)
            .map((piece) => piece.text)
            .join('');
        expect(text.startsWith(side(0, at))).toBe(true);
        // Blank lines behind a text that keeps them belong to the entry.
        expect(text.endsWith(side(at + 1).replace(/^(?:\r?\n)+/, ''))).toBe(true);
        expect(plain(serversOf(document, text).get(name), document)).toEqual(wanted(value));
        expect(foreignOf(document, text, [name])).toEqual(foreignOf(document, document.text, [name]));
        written += 1;
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
  expect(written).toBeGreaterThan(numRuns * 0.3);
});

/** Blank lines behind a text that keeps them are part of it; an emptied container says that it is empty. */
const linesIn = (text: string) =>
  text
    .replace(/(servers"?:) (?:\{\}|\[\])/, '$1')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');

test('a removal takes the lines of its entries, and no others', { timeout }, () => {
  let written = 0;
  fc.assert(
    fc.property(oddYaml, fc.nat(), (document, pick) => {
      const gone = document.names.filter((_, i) => (pick >> i) % 2 === 1);
      try {
        const text = splice(document, document.text, [], gone).text ?? '';
        const left = document.pieces.filter(({ owner }) => owner === null || !gone.includes(owner));
        expect(linesIn(text)).toEqual(linesIn(left.map((piece) => piece.text).join('')));
        expect(foreignOf(document, text, gone)).toEqual(foreignOf(document, document.text, gone));
        written += 1;
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
  expect(written).toBeGreaterThan(numRuns * 0.4);
});

test('an entry that was changed goes back to its earlier bytes', { timeout }, () => {
  fc.assert(
    fc.property(oddYaml, yamlEntry, (document, value) => {
      const [name] = document.names;
      if (name === undefined) return;
      try {
        const was = readEntries(codecOf(document), document.text, YAML_POINTER).get(name);
        // The comment on the line of a single value is no part of it, and does not outlast a map in its place.
        if (!isObject(was?.value)) return;
        const now = splice(document, document.text, [[name, value]]).text ?? '';
        const back = splice(document, now, [{ name, value: was?.value ?? null, raw: was?.raw ?? '' }]);
        expect(back.text).toBe(document.text);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});

test('a text that was damaged anywhere is refused by name or still spliced without loss', { timeout }, () => {
  const pieces = [
    '',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    ':',
    '#',
    '\n',
    '\0',
    '\r',
    '\t',
    '- ',
    '&a ',
    '*a',
    '!x ',
    '|',
    '\n---\n',
    ' ',
    '? ',
  ];
  fc.assert(
    fc.property(oddYaml, fc.nat(900), fc.constantFrom(...pieces), newEntries, (document, at, piece, entries: New) => {
      const place = at % (document.text.length + 1);
      const text = document.text.slice(0, place) + piece + document.text.slice(place + (piece === '' ? 1 : 0));
      const names = entries.map(([name]) => name);
      try {
        const put = splice(document, text, entries).text ?? '';
        let before: unknown;
        try {
          before = foreignOf(document, text, names);
        } catch {
          // An alias whose anchor was damaged has no value.
          return;
        }
        expect(foreignOf(document, put, names)).toEqual(before);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});
