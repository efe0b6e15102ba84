import fc from 'fast-check';
import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { TOML_NAMES, TOML_POINTER, tomlEntry } from '../../../test/arbitraries-toml.ts';
import { type OddToml, oddTomlList } from '../../../test/arbitraries-toml-list.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import { tomlListCodec } from './toml-list.ts';

// The order of items counts: what is left stands in the order that it had.
const numRuns = Number(process.env.PROPERTY_RUNS ?? 200);
const timeout = 20_000 + numRuns * 30;

const newEntries = fc.uniqueArray(fc.tuple(fc.constantFrom(...TOML_NAMES), tomlEntry), {
  selector: ([name]) => name,
  minLength: 1,
  maxLength: 3,
});
type New = [string, JsonValue][];
const asSet = (entries: readonly (readonly [string, JsonValue])[]) => entries.map(([name, value]) => ({ name, value }));
const splice = (text: string, set: New, remove: string[] = [], glue: Parameters<typeof spliceEntries>[4] = null) =>
  spliceEntries(tomlListCodec, text, TOML_POINTER, { set: asSet(set), remove }, glue);

type Item = Record<string, unknown>;
const read = (text: string) => parse(text, { integersAsBigInt: true }) as Record<string, unknown>;
const itemsOf = (text: string) => (read(text)['mcp_servers'] ?? []) as Item[];
/** Every item with that name, without it. */
const named = (text: string, name: string) =>
  itemsOf(text)
    .filter((item) => item['name'] === name)
    .map(({ name: _name, ...rest }) => rest);
const plain = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_key, it) => (typeof it === 'bigint' ? Number(it) : it)));

/** Everything but the named items, and without a list that held nothing else. */
function foreignOf(text: string, names: readonly string[]): unknown {
  const { mcp_servers: _servers, ...rest } = read(text);
  const left = itemsOf(text).filter(({ name }) => !(names as unknown[]).includes(name));
  return { rest, left };
}

/** The lines of a file that belong to nobody who was changed are all there, in their order, to the last blank. */
function expectLinesKept({ lines, text: before }: OddToml, after: string, changed: readonly string[]): void {
  const left = after.split('\n').map((line) => line.replace(/\r$/, ''));
  let at = 0;
  for (const { owner, text } of lines) {
    if ((owner !== null && changed.includes(owner)) || text.trim() === '') continue;
    const found = left.indexOf(text, at);
    expect(found, `${JSON.stringify(text)} of\n${before}\n--- is not in order in\n${after}`).toBeGreaterThanOrEqual(0);
    at = found + 1;
  }
}

/** Layouts that are left alone say so; that is no failure of a property, but it must be by name. */
function refusedByName(error: unknown): boolean {
  expect(error).toBeInstanceOf(AppError);
  expect(error).toMatchObject({ code: 'CLIENT_FILE_UNPARSABLE', details: { line: expect.any(Number) } });
  return true;
}

test('new entries read back as wanted, all else reads as before, and no line of others moves', { timeout }, () => {
  fc.assert(
    fc.property(oddTomlList, newEntries, (document, entries: New) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      const names = fresh.map(([name]) => name);
      const text = splice(document.text, fresh).text ?? '';
      for (const [name, value] of fresh) expect(plain(named(text, name))).toEqual([plain(value)]);
      expect(foreignOf(text, names)).toEqual(foreignOf(document.text, names));
      expectLinesKept(document, text, []);
    }),
    { numRuns },
  );
});

test('taking out what was put in gives back the original bytes', { timeout }, () => {
  fc.assert(
    fc.property(oddTomlList, newEntries, fc.boolean(), (document, entries: New, singly) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      let now = splice(document.text, fresh);
      const names = fresh.map(([name]) => name);
      for (const remove of singly ? names.map((name) => [name]) : [names]) {
        now = splice(now.text ?? '', [], remove, now.glue);
      }
      expect(now).toEqual({ text: document.text, glue: null });
    }),
    { numRuns },
  );
});

test('a second splice of the same change alters nothing', { timeout }, () => {
  fc.assert(
    fc.property(oddTomlList, newEntries, (document, entries: New) => {
      const gone = document.names.filter((name) => !entries.some(([one]) => one === name));
      try {
        const once = splice(document.text, entries, gone);
        expect(splice(once.text ?? '', entries, gone, once.glue)).toEqual(once);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});

test('updates and removals leave all foreign content, its lines and its comments alone', { timeout }, () => {
  fc.assert(
    fc.property(oddTomlList, tomlEntry, fc.nat(), (document, value, pick) => {
      const chosen = document.names.filter((_, i) => (pick >> i) % 2 === 1);
      const [updated, ...removed] = chosen;
      try {
        const text = splice(document.text, updated === undefined ? [] : [[updated, value]], removed).text ?? '';
        expect(foreignOf(text, chosen)).toEqual(foreignOf(document.text, chosen));
        expectLinesKept(document, text, chosen);
        if (updated !== undefined) expect(plain(named(text, updated))).toEqual([plain(value)]);
        for (const name of removed) expect(named(text, name)).toEqual([]);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});

test('an entry that was changed goes back to its earlier bytes', { timeout }, () => {
  fc.assert(
    fc.property(oddTomlList, tomlEntry, (document, value) => {
      const [name] = document.names;
      if (name === undefined) return;
      try {
        const was = readEntries(tomlListCodec, document.text, TOML_POINTER).get(name);
        const now = splice(document.text, [[name, value]]).text ?? '';
        const set = [{ name, value: was?.value ?? null, raw: was?.raw ?? '' }];
        const back = spliceEntries(tomlListCodec, now, TOML_POINTER, { set, remove: [] }, null).text ?? '';
        expect(named(back, name)).toEqual(named(document.text, name));
        expectLinesKept(document, back, [name]);
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});

test('a text that was damaged anywhere is refused by name or still spliced without loss', { timeout }, () => {
  const junk = fc.constantFrom(
    '',
    '[',
    ']',
    '"',
    "'",
    '=',
    '#',
    '\n',
    '\0',
    '\r',
    '[[mcp_servers]]\n',
    '[mcp_servers]\n',
    'name = "one"\n',
    '"""',
    ' . ',
  );
  fc.assert(
    fc.property(oddTomlList, fc.nat(600), junk, newEntries, (document, at, piece, entries: New) => {
      const place = at % (document.text.length + 1);
      const text = document.text.slice(0, place) + piece + document.text.slice(place + (piece === '' ? 1 : 0));
      const names = entries.map(([name]) => name);
      try {
        const put = splice(text, entries).text ?? '';
        expect(foreignOf(put, names)).toEqual(foreignOf(text, names));
      } catch (error) {
        refusedByName(error);
      }
    }),
    { numRuns },
  );
});
